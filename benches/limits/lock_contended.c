/* Seconds per turn of two processes that take the same robust mutex all the time. */
#include "limit.h"
int main(void) {
    pthread_mutex_t *mutex = shared(sizeof *mutex);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    int n = 1000000;
    double start = now();
    for (int p = 0; p < 2; p++)
        if (child() == 0) {
            for (int i = 0; i < n; i++) { pthread_mutex_lock(mutex); pthread_mutex_unlock(mutex); }
            _exit(0);
        }
    while (wait(NULL) > 0) { }
    printf("%.9g\n", (now() - start) / (2.0 * n));
}
