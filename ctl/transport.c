#include "ctl/transport.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/interrupt.h"
#include "ctl/server_url.h"

#define WAIT_MS 1000

struct Transport {
    CURLM *multi;
    char *url;
    char *username;
    char *password;
};

int transport_new(Transport **ret)
{
    g_autoptr(Transport) transport = g_new0(Transport, 1);

    /* Nothing but plain HTTP is wanted: setting up TLS would be half of the program's run time. */
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return -ENOMEM;
    transport->multi = curl_multi_init();
    if (!transport->multi)
        return -ENOMEM;
    *ret = g_steal_pointer(&transport);
    return 0;
}

void transport_free(Transport *transport)
{
    if (!transport)
        return;
    if (transport->multi)
        curl_multi_cleanup(transport->multi);
    g_free(transport->url);
    g_free(transport->username);
    g_free(transport->password);
    g_free(transport);
}

void transport_set_server(Transport *transport, const char *url)
{
    g_free(transport->url);
    transport->url = g_strdup(url);
}

void transport_set_credentials(Transport *transport, const char *username, const char *password)
{
    g_free(transport->username);
    g_free(transport->password);
    transport->username = g_strdup(username);
    transport->password = g_strdup(password);
}

int transport_aim(Transport *transport, CURL *easy, const char *path, char **ret_problem)
{
    g_auto(ServerUrl) server = {0};
    g_autofree char *origin = NULL, *url = NULL;
    int r = server_url_parse(transport->url ? transport->url : "", &server, ret_problem);

    if (r < 0)
        return r;
    origin = server_url_origin(&server);
    url = g_strconcat(origin, path, NULL);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, server.socket_path);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    /* The environment's http_proxy is not for the daemon: the oracle goes straight to it. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A socket holds that much at once. */
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
    if (transport->username && transport->password) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, transport->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, transport->password);
    }
    return 0;
}

int transport_start(Transport *transport, Transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    if (curl_multi_add_handle(transport->multi, transfer->easy) != CURLM_OK)
        return -ENOMEM;
    transfer->running = true;
    transfer->result = CURLE_OK;
    return 0;
}

void transport_stop(Transport *transport, Transfer *transfer)
{
    if (!transfer->running)
        return;
    curl_multi_remove_handle(transport->multi, transfer->easy);
    transfer->running = false;
}

/* Returns whether one has ended. */
static bool collect_ended(Transport *transport)
{
    bool any = false;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(transport->multi, &left)) != NULL) {
        CURLcode result = message->data.result;
        char *private = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        transport_stop(transport, (Transfer *)private);
        ((Transfer *)private)->result = result;
        any = true;
    }
    return any;
}

int transport_step(Transport *transport, int input_fd)
{
    struct curl_waitfd waits[2];
    unsigned count = 0;
    int running = 0;

    /* Also when the answer would be quicker than the one who pressed the key. */
    if (interrupt_take())
        return -EINTR;
    if (curl_multi_perform(transport->multi, &running) != CURLM_OK)
        return -ENOMEM;
    if (collect_ended(transport))
        return 0;
    if (input_fd >= 0)
        waits[count++] = (struct curl_waitfd){.fd = input_fd, .events = CURL_WAIT_POLLIN};
    if (interrupt_fd() >= 0)
        waits[count++] = (struct curl_waitfd){.fd = interrupt_fd(), .events = CURL_WAIT_POLLIN};
    if (curl_multi_poll(transport->multi, waits, count, WAIT_MS, NULL) != CURLM_OK)
        return errno == EINTR && interrupt_take() ? -EINTR : -EIO;
    if (interrupt_take())
        return -EINTR;
    return input_fd >= 0 && waits[0].revents != 0;
}

int transport_errno(const Transfer *transfer)
{
    long error = 0;

    if (transfer->result == CURLE_COULDNT_CONNECT || transfer->result == CURLE_RECV_ERROR ||
        transfer->result == CURLE_SEND_ERROR)
        curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
    return (int)error;
}

/* libcurl only says that it found no address, Python also why: ask once more, now that it is slow anyway. */
static char *describe_resolving(Transport *transport)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses = NULL;
    g_autofree char *problem = NULL;
    g_auto(ServerUrl) server = {0};
    int r = EAI_NONAME;

    if (server_url_parse(transport->url, &server, &problem) == 0 && server.host)
        r = getaddrinfo(server.host, NULL, &hints, &addresses);
    if (r == 0) {
        freeaddrinfo(addresses);
        r = EAI_AGAIN;
    }
    return g_strdup_printf("[Errno %d] %s", r, gai_strerror(r));
}

char *transport_describe(Transport *transport, const Transfer *transfer)
{
    int error = transport_errno(transfer);

    if (error > 0)
        return g_strdup_printf("[Errno %d] %s", error, g_strerror(error));
    if (transfer->result == CURLE_COULDNT_RESOLVE_HOST)
        return describe_resolving(transport);
    if (transfer->result == CURLE_GOT_NOTHING)
        return g_strdup("Remote end closed connection without response");
    return g_strdup(curl_easy_strerror(transfer->result));
}
