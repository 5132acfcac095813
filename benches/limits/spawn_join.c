/* Seconds per fork, exit and waitpid. */
#include "limit.h"
static void times(int n) {
    for (int i = 0; i < n; i++) {
        pid_t pid = child();
        if (pid == 0) _exit(0);
        waitpid(pid, NULL, 0);
    }
}
int main(void) {
    times(100);
    double start = now();
    times(2000);
    printf("%.9g\n", (now() - start) / 2000);
}
