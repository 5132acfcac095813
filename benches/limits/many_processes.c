/* Seconds until so many processes live, have been told to end, and have ended. */
#include "limit.h"
int main(int count, char **words) {
    int n = count > 1 ? atoi(words[1]) : 10000;
    _Atomic uint32_t *go = shared(sizeof *go);
    double start = now();
    for (int i = 0; i < n; i++)
        if (child() == 0) {
            while (*go == 0) futex_wait(go, 0);
            _exit(0);
        }
    *go = 1;
    syscall(SYS_futex, go, FUTEX_WAKE, INT32_MAX);
    while (wait(NULL) > 0) { }
    printf("%.9g\n", now() - start);
}
