#include "bridge/auth.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "bridge/base64.h"

#define SHA_PREFIX "{SHA}"

/* Compares digests of equal length instead of the texts: neither where they differ nor how long the secret is
 * shows in the time. */
static bool equal_in_constant_time(const char *a, const char *b)
{
    g_autofree char *digest_a = g_compute_checksum_for_string(G_CHECKSUM_SHA256, a, -1);
    g_autofree char *digest_b = g_compute_checksum_for_string(G_CHECKSUM_SHA256, b, -1);
    unsigned difference = 0;

    for (size_t i = 0; digest_a[i] && digest_b[i]; i++)
        difference |= (unsigned char)digest_a[i] ^ (unsigned char)digest_b[i];
    return difference == 0;
}

static bool password_matches(const char *stored, const char *given)
{
    if (!g_str_has_prefix(stored, SHA_PREFIX))
        return equal_in_constant_time(stored, given);
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA1, given, -1);
    return equal_in_constant_time(stored + strlen(SHA_PREFIX), digest);
}

AuthResult auth_check(const char *username, const char *password, const char *header)
{
    const char *space = header ? strchr(header, ' ') : NULL;
    size_t size;

    if (!space || g_ascii_strncasecmp(header, "basic ", (size_t)(space - header) + 1) != 0)
        return AUTH_DENIED;
    g_autofree char *decoded = base64_decode(space + 1, &size);
    if (!decoded || !g_utf8_validate(decoded, (gssize)size, NULL))
        return AUTH_MALFORMED;
    char *colon = strchr(decoded, ':');
    if (!colon)
        return AUTH_BROKEN;
    *colon = '\0';
    bool name_matches = equal_in_constant_time(username, decoded);
    bool secret_matches = password_matches(password ? password : "", colon + 1);
    return name_matches && secret_matches ? AUTH_GRANTED : AUTH_DENIED;
}
