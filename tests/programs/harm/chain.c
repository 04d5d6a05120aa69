/* Leaves a process that is another one all the time: each forks and exits at once, in a session of its
   own. All of them hold the pipe `alive` open. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* So that a test that fails leaves nothing for good. */
enum { SECONDS_MAX = 100 };

int main(void) {
    char rest[64];
    time_t end = time(NULL) + SECONDS_MAX;
    int alive = open("alive", O_WRONLY);
    int ends[2];
    if (alive < 0 || pipe(ends) != 0) return 1;
    if (fork() == 0) {
        signal(SIGTERM, SIG_IGN);
        setsid();
        write(ends[1], "x", 1);
        for (;;) {
            setsid();
            if (fork() > 0 || time(NULL) > end) _exit(0);
        }
    }
    close(alive);
    if (read(ends[0], rest, 1) != 1) return 1;
    puts("begun");
    fflush(stdout);
    while (read(0, rest, sizeof rest) > 0) {}
    return 0;
}
