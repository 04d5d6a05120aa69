/* Is traced by a process in a session of its own, whose parent is there as well: the system tells nobody
   of an exit as long as the process is traced. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void) {
    int ends[2];
    pid_t traced = getpid(), tracer = 0;
    char rest[64];
    if (pipe(ends) != 0) return 1;
    /* Where only parents may trace, this lets others. */
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    if (fork() == 0) {
        setsid();
        signal(SIGTERM, SIG_IGN);
        if (fork() == 0) {
            if (ptrace(PTRACE_SEIZE, traced, 0, 0) == 0) tracer = getpid();
            write(ends[1], &tracer, sizeof tracer);
        }
        /* So that a test that fails leaves nothing for good. */
        sleep(300);
        _exit(0);
    }
    if (read(ends[0], &tracer, sizeof tracer) != sizeof tracer) return 1;
    if (tracer == 0) {
        printf("untraced\n");
    } else {
        printf("%d %d\n", traced, tracer);
    }
    fflush(stdout);
    while (read(0, rest, sizeof rest) > 0) {}
    return 0;
}
