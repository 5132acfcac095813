/* Seconds per MiB filled and copied in and out again between warm buffers. */
#include "limit.h"
int main(void) {
    size_t size = 1 << 20;
    char *from = malloc(size), *to = malloc(size), *middle = shared(size);
    double start = 0;
    for (int i = 0; i < 1050; i++) {
        if (i == 50) start = now();
        memset(from, i, size);
        memcpy(middle, from, size);
        memcpy(to, middle, size);
        __asm__ volatile("" : : "r"(to), "r"(middle) : "memory");
    }
    printf("%.9g\n", (now() - start) / 1000);
}
