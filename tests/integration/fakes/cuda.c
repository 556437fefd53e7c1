/* A libcuda.so.1 that answers as the environment says. Built by the tests; see conftest.py.

   FAKE_CUDA_INIT      what cuInit returns; `hang`, `segv`
   FAKE_CUDA_VERSION   12080
   FAKE_CUDA_DEVICES   name;major.minor;bytes, separated by `|`
   FAKE_CUDA_COUNT     what cuDeviceGetCount returns; `exit`, `print`, `daemon`, `hang`
   FAKE_CUDA_LOST      ordinal of a device that cannot be got
   -DV1 leaves out the newer versions of functions, -DBARE everything but cuInit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *get(const char *name, const char *fallback) {
    const char *value = getenv(name);
    return value ? value : fallback;
}

static int visible[64], count = -1;

static int physical(void) {
    const char *all = get("FAKE_CUDA_DEVICES", "");
    int n = *all ? 1 : 0;
    for (const char *p = all; *p; p++) n += *p == '|';
    return n;
}

/* Ordinals only, as far as the tests need them. */
static void select_devices(void) {
    const char *mask = getenv("CUDA_VISIBLE_DEVICES");
    count = 0;
    if (!mask) {
        for (int i = 0; i < physical() && i < 64; i++) visible[count++] = i;
        return;
    }
    while (*mask && count < 64) {
        char *end;
        long n = strtol(mask, &end, 10);
        if (end == mask || n < 0 || n >= physical()) return;
        visible[count++] = (int)n;
        mask = strchr(end, ',');
        if (!mask++) return;
    }
}

static const char *field(int device, int number, char *buffer, size_t size) {
    const char *p = get("FAKE_CUDA_DEVICES", "");
    for (int i = visible[device]; i; i--) p = strchr(p, '|') + 1;
    for (; number; number--) p = strchr(p, ';') + 1;
    size_t length = strcspn(p, ";|");
    if (length >= size) length = size - 1;
    memcpy(buffer, p, length);
    buffer[length] = 0;
    return buffer;
}

int cuInit(unsigned flags) {
    const char *how = get("FAKE_CUDA_INIT", "0");
    (void)flags;
    if (!strcmp(how, "hang")) for (;;) pause();
    if (!strcmp(how, "segv")) raise(SIGSEGV);
    int code = atoi(how);
    select_devices();
    return code ? code : count ? 0 : 100;
}

#ifndef BARE
int cuDriverGetVersion(int *version) { *version = atoi(get("FAKE_CUDA_VERSION", "12080")); return 0; }

int cuDeviceGetCount(int *n) {
    const char *how = get("FAKE_CUDA_COUNT", "0");
    *n = count;
    if (!strcmp(how, "hang")) for (;;) pause();
    if (!strcmp(how, "exit")) exit(0);
    if (!strcmp(how, "print")) for (int i = 0; i < 1 << 18; i++) puts("{\"count\": []}");
    if (!strcmp(how, "daemon") && !fork()) {
        sleep(60);
        _exit(0);
    }
    return atoi(how);
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return ordinal < count && ordinal != atoi(get("FAKE_CUDA_LOST", "-1")) ? 0 : 101;
}

int cuDeviceGetName(char *name, int size, int device) { field(device, 0, name, size); return 0; }

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    char text[64];
    field(device, 1, text, sizeof text);
    char *dot = strchr(text, '.');
    if (!dot) return 1;
    *value = attribute == 75 ? atoi(text) : attribute == 76 ? atoi(dot + 1) : 0;
    return 0;
}

#ifdef V1
int cuDeviceTotalMem(size_t *bytes, int device) {
#else
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) { memset(uuid, 0xa0 + visible[device], 16); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
#endif
    char text[64];
    *bytes = strtoull(field(device, 2, text, sizeof text), 0, 10);
    return 0;
}
#endif
