#include "units/ambient.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES = 64 };

uint64_t ambient_get(void)
{
    uint64_t found = 0;

    for (unsigned long i = 0; i < CAPABILITIES; i++) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
            found |= UINT64_C(1) << i;
    }
    return found;
}

int ambient_hold(uint64_t capabilities)
{
    if (capabilities == 0)
        return 0;
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int set_capabilities(uint64_t capabilities)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        uint32_t part = (uint32_t)(capabilities >> (32 * i));
        data[i] = (struct __user_cap_data_struct){.effective = part, .permitted = part, .inheritable = part};
    }
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int ambient_restore(uint64_t capabilities)
{
    if (capabilities == 0)
        return 0;
    int r = set_capabilities(capabilities);
    for (unsigned long i = 0; r == 0 && i < CAPABILITIES; i++) {
        if ((capabilities >> i & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
            r = -errno;
    }
    return r;
}
