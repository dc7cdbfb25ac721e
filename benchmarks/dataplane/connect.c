/* Opens TCP connections one after another, and prints the nanoseconds that the median one took.
 *
 *   connect serve ADDRESS PORT CPU
 *   connect DST PORT SRC COUNT CPU
 *
 * A connection is: connect, one byte from the server, reset. The server says "ready" once it listens, and runs until it
 * is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static void pin(int cpu)
{
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(cpu, &core);
    if (sched_setaffinity(0, sizeof core, &core) < 0)
        err(1, "sched_setaffinity");
}

static struct sockaddr_in address_of(const char *text, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        errx(2, "no IPv4 address: %s", text);
    return address;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void serve(const char *address, int port)
{
    struct sockaddr_in own = address_of(address, port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0 || listen(fd, 128) < 0)
        err(1, "listen");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    puts("ready");
    fflush(stdout);
    for (;;) {
        char byte = 'x';
        int peer = accept(fd, NULL, NULL);
        if (peer < 0)
            continue;
        send(peer, &byte, 1, MSG_NOSIGNAL);
        recv(peer, &byte, 1, 0); /* until the reset */
        close(peer);
    }
}

static int64_t connect_once(const struct sockaddr_in *own, const struct sockaddr_in *target)
{
    struct linger reset = {1, 0};
    char byte;
    int64_t begin = now();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (bind(fd, (const struct sockaddr *)own, sizeof *own) < 0)
        err(1, "bind");
    if (connect(fd, (const struct sockaddr *)target, sizeof *target) < 0)
        err(1, "connect");
    if (recv(fd, &byte, 1, 0) != 1)
        err(1, "recv");
    close(fd);
    return now() - begin;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "serve")) {
        pin(atoi(argv[4]));
        serve(argv[2], atoi(argv[3]));
    }
    if (argc != 6)
        errx(2, "usage: connect serve ADDRESS PORT CPU | connect DST PORT SRC COUNT CPU");
    pin(atoi(argv[5]));
    struct sockaddr_in target = address_of(argv[1], atoi(argv[2])), own = address_of(argv[3], 0);
    int count = atoi(argv[4]);
    int64_t *times = calloc(count, sizeof *times);
    for (int i = 0; i < count; i++)
        times[i] = connect_once(&own, &target);
    qsort(times, count, sizeof *times, compare);
    printf("%.1f\n", (double)times[count / 2]);
    return 0;
}
