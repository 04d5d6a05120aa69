//! The heap of glibc, which keeps most freed memory by default. Elsewhere nothing is done: musl
//! unmaps large buffers as soon as they are freed.

/// Makes the heap keep little freed memory. Buffers of 128 KiB and more are mapped separately and
/// unmapped when they are freed; the end of the heap is returned once 1 MiB of it is free. For a
/// program's `main`, since it applies to the whole process. Without glibc it does nothing.
///
/// By default glibc raises both thresholds when it frees a large buffer, up to 32 and 64 MiB. After
/// that all buffers come from the heap, where one small piece in use keeps all memory before it.
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

/// Returns free pages in the heaps of all threads to the system. Without glibc it does nothing.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes a number. It locks each heap while it returns unused pages.
    unsafe {
        libc::malloc_trim(0);
    }
}
