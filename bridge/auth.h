/* HTTP basic authentication as the oracle does it. */
#pragma once

typedef enum AuthResult {
    AUTH_GRANTED,
    AUTH_DENIED,    /* no, wrong or unknown credentials: 401 */
    AUTH_MALFORMED, /* not base64, or not UTF-8 in it: 400 */
    AUTH_BROKEN, /* no colon between name and password: the oracle's handler crashes there and answers 500 */
} AuthResult;

/* `header` is the value of Authorization, NULL when there is none. `password` is plain, or {SHA} and the
 * SHA-1 in lower-case hex. The time it takes does not depend on how much of a guess is right. */
AuthResult auth_check(const char *username, const char *password, const char *header);
