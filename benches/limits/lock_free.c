/* Seconds to take and give back a robust mutex that nobody else wants. */
#include "limit.h"
int main(void) {
    pthread_mutex_t *mutex = shared(sizeof *mutex);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    int n = 5000000;
    double start = now();
    for (int i = 0; i < n; i++) { pthread_mutex_lock(mutex); pthread_mutex_unlock(mutex); }
    printf("%.9g\n", (now() - start) / n);
}
