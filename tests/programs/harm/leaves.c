/* Leaves a process in a session of its own, by two forks, which ignores SIGTERM, has a name that looks
   like a line of /proc/PID/stat, adopts what its own children leave, and hides its memory. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int ends[2];
    pid_t left[2];
    char rest[64];
    if (pipe(ends) != 0) return 1;
    if (fork() == 0) {
        setsid();
        if (fork() != 0) _exit(0);
        signal(SIGTERM, SIG_IGN);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        prctl(PR_SET_DUMPABLE, 0);
        prctl(PR_SET_NAME, ") S 1 \n(x");
        left[0] = getpid();
        left[1] = fork();
        if (left[1] != 0) write(ends[1], left, sizeof left);
        /* So that a test that fails leaves nothing for good. */
        sleep(100);
        _exit(0);
    }
    wait(NULL);
    if (read(ends[0], left, sizeof left) != sizeof left) return 1;
    printf("%d %d\n", left[0], left[1]);
    fflush(stdout);
    while (read(0, rest, sizeof rest) > 0) {}
    return 0;
}
