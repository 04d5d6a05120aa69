//! The heap of glibc, which keeps most of what is freed unless it is set otherwise. Elsewhere
//! there is nothing to tell: musl unmaps what is large as soon as it is freed.

/// Has the heap keep little of what is freed: buffers of 128 KiB and more are mapped by themselves
/// and unmapped when they are freed; and the end of the heap is returned once 1 MiB of it is free.
/// For a program's `main`, since it concerns the whole process. Without glibc it does nothing.
///
/// By default glibc raises both thresholds when it frees a large buffer, up to 32 and 64 MiB. From
/// then on all buffers come from the heap, where a small piece that is in use keeps all before it.
pub fn keep_heap_small() {
    #[cfg(target_env = "gnu")]
    for (parameter, bytes) in
        [(libc::M_MMAP_THRESHOLD, 128 << 10), (libc::M_TRIM_THRESHOLD, 1 << 20)]
    {
        // SAFETY: the call takes two numbers, locks the heap whose parameter it sets, and ignores
        // what it does not know.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

/// Returns to the system what is free in the heaps of all threads, page by page. Without glibc it
/// does nothing.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes a number. It locks each heap while it returns pages that nobody uses.
    unsafe {
        libc::malloc_trim(0);
    }
}
