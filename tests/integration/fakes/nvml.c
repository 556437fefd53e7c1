/* A libnvidia-ml.so.1 that answers as the environment says.

   FAKE_NVML_INIT      what nvmlInit returns; `hang`, `segv`
   FAKE_NVML_DRIVER    570.86.10
   FAKE_NVML_CUDA      12080
   FAKE_CUDA_DEVICES   as in cuda.c: all of them, whatever CUDA_VISIBLE_DEVICES says
   FAKE_NVML_MIG       number of MIG devices on each GPU; -1 (the default): no MIG
   FAKE_NVML_HANDLE    what asking for a device returns
   -DV1 leaves out the newer versions of functions. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *get(const char *name, const char *fallback) {
    const char *value = getenv(name);
    return value ? value : fallback;
}

static int count(void) {
    const char *all = get("FAKE_CUDA_DEVICES", "");
    int n = *all ? 1 : 0;
    for (const char *p = all; *p; p++) n += *p == '|';
    return n;
}

static const char *field(long device, int number, char *buffer, size_t size) {
    const char *p = get("FAKE_CUDA_DEVICES", "");
    for (; device; device--) p = strchr(p, '|') + 1;
    for (; number; number--) p = strchr(p, ';') + 1;
    size_t length = strcspn(p, ";|");
    if (length >= size) length = size - 1;
    memcpy(buffer, p, length);
    buffer[length] = 0;
    return buffer;
}

static int start(void) {
    const char *how = get("FAKE_NVML_INIT", "0");
    if (!strcmp(how, "hang")) for (;;) pause();
    if (!strcmp(how, "segv")) raise(SIGSEGV);
    return atoi(how);
}

/* A handle is the ordinal plus one; MIG devices are 100 * (ordinal + 1) + number. */
#ifdef V1
int nvmlInit(void) { return start(); }
int nvmlSystemGetCudaDriverVersion(int *v) {
#else
int nvmlInit_v2(void) { return start(); }
int nvmlInit(void) { return start(); }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return start(); }
int nvmlSystemGetCudaDriverVersion_v2(int *v) {
#endif
    *v = atoi(get("FAKE_NVML_CUDA", "12080"));
    return 0;
}

int nvmlShutdown(void) { return 0; }

int nvmlSystemGetDriverVersion(char *text, unsigned size) {
    snprintf(text, size, "%s", get("FAKE_NVML_DRIVER", "570.86.10"));
    return 0;
}

#ifdef V1
int nvmlDeviceGetCount(unsigned *n) {
#else
int nvmlDeviceGetCount_v2(unsigned *n) {
#endif
    *n = count();
    return 0;
}

#ifdef V1
int nvmlDeviceGetHandleByIndex(unsigned i, void **handle) {
#else
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **handle) {
#endif
    *handle = (void *)(long)(i + 1);
    return atoi(get("FAKE_NVML_HANDLE", "0"));
}

int nvmlDeviceGetName(void *handle, char *name, unsigned size) {
    field((long)handle - 1, 0, name, size);
    return 0;
}

int nvmlDeviceGetUUID(void *handle, char *text, unsigned size) {
    long n = (long)handle;
    if (n >= 100) {
        snprintf(text, size, "MIG-%08lx-0000-0000-0000-000000000000", n);
    } else {
        char b[3];
        snprintf(b, sizeof b, "%02x", (unsigned)(0xa0 + n - 1));
        snprintf(text, size, "GPU-%s%s%s%s-%s%s-%s%s-%s%s-%s%s%s%s%s%s", b, b, b, b, b, b, b, b, b, b,
                 b, b, b, b, b, b);
    }
    return 0;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    char text[64];
    field((long)handle - 1, 1, text, sizeof text);
    return sscanf(text, "%d.%d", major, minor) == 2 ? 0 : 3;
}

int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *memory) {
    char text[64];
    memory[0] = strtoull(field((long)handle - 1, 2, text, sizeof text), 0, 10);
    memory[1] = memory[0];
    memory[2] = 0;
    return 0;
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    (void)handle;
    *current = *pending = atoi(get("FAKE_NVML_MIG", "-1")) >= 0;
    return 0;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *n) { (void)handle; *n = 7; return 0; }

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned i, void **mig) {
    if ((int)i >= atoi(get("FAKE_NVML_MIG", "-1"))) return 6;
    *mig = (void *)(100 * (long)handle + i);
    return 0;
}
