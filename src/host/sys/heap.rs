//! The heap of glibc, which keeps what was freed unless it is told otherwise. Others need no telling,
//! or take none: musl unmaps what is large as soon as it is freed.

/// Has the heap keep little of what is freed: buffers of 128 KiB and more are mapped by themselves,
/// and unmapped when they are freed; and so is the end of the heap, once 1 MiB of it is free. For a
/// program's `main`, since it is about the whole process. Does nothing without glibc.
///
/// By default glibc raises both thresholds with each large buffer that is freed, up to 32 and 64 MiB:
/// after one long message, all others come from the heap, where a small piece that is in use keeps
/// all that lies before it.
pub fn keep_heap_small() {
    #[cfg(target_env = "gnu")]
    for (parameter, bytes) in
        [(libc::M_MMAP_THRESHOLD, 128 << 10), (libc::M_TRIM_THRESHOLD, 1 << 20)]
    {
        // SAFETY: the call takes two numbers, locks the heap that it changes, and ignores what it
        // does not know.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

/// Returns to the system what is free in the heaps of all threads, page by page.
pub(in crate::host) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes a number, and locks each heap while it looks for free pages, which
    // nobody uses.
    unsafe {
        libc::malloc_trim(0);
    }
}
