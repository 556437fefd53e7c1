/* Runs a command and reports what it and all its descendants cost.
 *
 *     launcher FD MODE COMMAND [ARGUMENT ...]
 *
 * Writes one line to file descriptor FD when the command and its descendants have ended:
 *
 *     user_us system_us wall_us peak_kib together_kib status left
 *
 * A process this small starts the command, because a child inherits the peak memory of whoever
 * forked it: measured from Python, nothing could be seen below Python's own size.
 * Descendants whose parent did not wait for them are adopted (PR_SET_CHILD_SUBREAPER) and counted.
 * peak_kib is the largest single process. With MODE "memory" the proportional set sizes of all
 * living descendants are summed every millisecond and together_kib is the largest sum; that
 * disturbs the processor time, so it is a run of its own. With MODE "time" together_kib is 0.
 * status is what waitpid() said of the command; left counts descendants that outlived it by 2 s.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAXIMUM 1024 /* descendants followed */

struct cost {
    long user_us, system_us, peak_kib;
};

static long now_us(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000L + at.tv_nsec / 1000;
}

static void nap(void) {
    struct timespec millisecond = {0, 1000000L};
    nanosleep(&millisecond, NULL);
}

static void add(struct cost *total, const struct rusage *usage) {
    total->user_us += usage->ru_utime.tv_sec * 1000000L + usage->ru_utime.tv_usec;
    total->system_us += usage->ru_stime.tv_sec * 1000000L + usage->ru_stime.tv_usec;
    if (usage->ru_maxrss > total->peak_kib)
        total->peak_kib = usage->ru_maxrss;
}

/* The descendants of this process, breadth first; how many. */
static int descendants(pid_t *found) {
    int count = 0;
    pid_t parent = getpid();
    for (int next = -1; next < count; next++) {
        char path[64];
        if (next >= 0)
            parent = found[next];
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        while (count < MAXIMUM && fscanf(file, "%d", &found[count]) == 1)
            count++;
        fclose(file);
    }
    return count;
}

static long proportional_kib(pid_t pid) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %ld kB", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

static long together_kib(void) {
    static pid_t found[MAXIMUM];
    long sum = 0;
    int count = descendants(found);
    for (int i = 0; i < count; i++)
        sum += proportional_kib(found[i]);
    return sum;
}

static pid_t start(char **argv, int report) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    fcntl(report, F_SETFD, FD_CLOEXEC);
    execvp(argv[0], argv);
    fprintf(stderr, "launcher: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Reap until the command has ended (its status is returned) and then, for 2 s, what outlives it. */
static int reap(pid_t command, int sample, struct cost *total, long *wall_us, long *together) {
    long began = now_us(), until = 0;
    int status = 0, ended = 0;
    for (;;) {
        struct rusage usage;
        int how, options = (sample || ended) ? WNOHANG : 0;
        pid_t pid = wait4(-1, &how, options, &usage);
        if (pid < 0 && errno == ECHILD)
            return status;
        if (pid > 0) {
            add(total, &usage);
            if (pid == command) {
                status = how;
                ended = 1;
                *wall_us = now_us() - began;
                until = now_us() + 2000000L;
            }
            continue;
        }
        if (ended && now_us() > until)
            return status;
        if (sample) {
            long sum = together_kib();
            if (sum > *together)
                *together = sum;
        }
        nap();
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: launcher FD time|memory COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    int report = atoi(argv[1]), sample = strcmp(argv[2], "memory") == 0;
    struct cost total = {0, 0, 0};
    long wall_us = 0, together = 0;
    static pid_t left[MAXIMUM];
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    pid_t command = start(argv + 3, report);
    if (command < 0) {
        perror("launcher: fork");
        return 2;
    }
    int status = reap(command, sample, &total, &wall_us, &together);
    dprintf(report, "%ld %ld %ld %ld %ld %d %d\n", total.user_us, total.system_us, wall_us,
            total.peak_kib, together, status, descendants(left));
    return 0;
}
