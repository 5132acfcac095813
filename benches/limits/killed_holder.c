/* Seconds from the kill of the holder of a robust mutex until the one who waits for it has it: the middle of 41. */
#include "limit.h"
static int by_size(const void *a, const void *b) { double d = *(double *)a - *(double *)b; return d < 0 ? -1 : d > 0; }
int main(void) {
    double times[41], *taken = shared(sizeof *taken);
    _Atomic uint32_t *ready = shared(sizeof *ready);
    for (int i = 0; i < 41; i++) {
        pthread_mutex_t *mutex = shared(sizeof *mutex);
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(mutex, &attributes);
        *ready = 0;
        pid_t holder = child();
        if (holder == 0) { pthread_mutex_lock(mutex); *ready = 1; pause(); }
        while (*ready != 1) usleep(50);
        pid_t waiter = child();
        if (waiter == 0) { *ready = 2; pthread_mutex_lock(mutex); *taken = now(); _exit(0); }
        while (*ready != 2) usleep(50);
        usleep(2000);
        double start = now();
        kill(holder, SIGKILL);
        waitpid(waiter, NULL, 0);
        waitpid(holder, NULL, 0);
        times[i] = *taken - start;
    }
    qsort(times, 41, sizeof *times, by_size);
    printf("%.9g\n", times[20]);
}
