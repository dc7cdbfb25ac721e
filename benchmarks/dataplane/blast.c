/* Sends small UDP packets as fast as one core can, and prints the nanoseconds that one took: the median of all batches,
 * so that what the core did in between for others does not count.
 *
 *   blast DST DPORT SRC SPORT COUNT FLOWS CPU
 *
 * COUNT packets of 18 bytes go round FLOWS flows: flow f has the source address SRC + f / PORTS and the source port
 * SPORT + f % PORTS. As many flows as packets make each packet a new connection, one flow is an established one. On a
 * veth pair the kernel runs the whole path to the receiver inside the send, so that the time is that of the path.
 * Raw sockets need CAP_NET_RAW. The first batches warm up.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, PAYLOAD = 18, PORTS = 40000, WARM = 4 };

struct packet {
    struct iphdr ip;
    struct udphdr udp;
    char payload[PAYLOAD];
};

struct run {
    uint32_t source;
    uint16_t port;
    uint64_t flows;
    uint64_t next; /* the flow of the next packet */
};

static struct packet packets[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static struct sockaddr_in target;

static void prepare(const char *address, int port)
{
    target.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &target.sin_addr) != 1)
        errx(2, "no IPv4 address: %s", address);
    for (int i = 0; i < BATCH; i++) {
        struct packet *p = &packets[i];
        p->ip.version = 4;
        p->ip.ihl = 5;
        p->ip.ttl = 64;
        p->ip.protocol = IPPROTO_UDP;
        p->ip.tot_len = htons(sizeof *p);
        p->ip.daddr = target.sin_addr.s_addr;
        p->udp.dest = htons(port);
        p->udp.len = htons(sizeof p->udp + PAYLOAD);
        parts[i].iov_base = p;
        parts[i].iov_len = sizeof *p;
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &target;
        messages[i].msg_hdr.msg_namelen = sizeof target;
    }
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The nanoseconds of a packet, on an average of the batch. */
static double send_batch(int fd, struct run *run, unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        uint64_t flow = run->next++ % run->flows;
        packets[i].ip.saddr = htonl(run->source + flow / PORTS);
        packets[i].udp.source = htons(run->port + flow % PORTS);
    }
    int64_t begin = now();
    for (unsigned sent = 0; sent < batch;) {
        int n = sendmmsg(fd, messages + sent, batch - sent, 0);
        if (n < 0)
            err(1, "sendmmsg");
        sent += n;
    }
    return (double)(now() - begin) / batch;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 8)
        errx(2, "usage: blast DST DPORT SRC SPORT COUNT FLOWS CPU");
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(atoi(argv[7]), &core);
    if (sched_setaffinity(0, sizeof core, &core) < 0)
        err(1, "sched_setaffinity");
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (fd < 0)
        err(1, "raw socket");
    prepare(argv[1], atoi(argv[2]));
    struct in_addr source;
    if (inet_pton(AF_INET, argv[3], &source) != 1)
        errx(2, "no IPv4 address: %s", argv[3]);
    uint64_t count = strtoull(argv[5], NULL, 10);
    struct run run = {ntohl(source.s_addr), atoi(argv[4]), strtoull(argv[6], NULL, 10), 0};
    uint64_t batches = (count + BATCH - 1) / BATCH, warm = batches > 2 * WARM ? WARM : 0;
    double *times = calloc(batches, sizeof *times);
    if (times == NULL)
        errx(2, "no packets to send");
    for (uint64_t i = 0; i < batches; i++)
        times[i] = send_batch(fd, &run, count - i * BATCH < BATCH ? count - i * BATCH : BATCH);
    qsort(times + warm, batches - warm, sizeof *times, compare);
    printf("%.1f\n", times[warm + (batches - warm) / 2]);
    return 0;
}
