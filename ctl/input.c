#include "ctl/input.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl/column.h"
#include "ctl/interrupt.h"

#define HISTORY_LINES    100000
#define HISTORY_SIZE_MAX (4 << 20)
#define LINE_SIZE_MAX    (1 << 20)
/* What ends a word for the completion: the oracle's list, without the characters of namespecs. */
#define WORD_DELIMITERS " \t\n`~!@#$%^&()=+[{]}\\|;'\",<>/?"

struct Input {
    GString *pending;
    bool ended;
    EditLine *edit;
    History *history;
    const char *prompt;
    bool interrupted;
    InputCompleter complete;
    void *complete_userdata;
};

Input *input_new(void)
{
    Input *input = g_new0(Input, 1);
    HistEvent event;

    input->pending = g_string_new(NULL);
    input->history = history_init();
    if (input->history) {
        history(input->history, &event, H_SETSIZE, HISTORY_LINES);
        history(input->history, &event, H_SETUNIQUE, 1);
    }
    return input;
}

void input_free(Input *input)
{
    if (!input)
        return;
    if (input->edit)
        el_end(input->edit);
    if (input->history)
        history_end(input->history);
    g_string_free(input->pending, TRUE);
    g_free(input);
}

void input_set_completer(Input *input, InputCompleter complete, void *userdata)
{
    input->complete = complete;
    input->complete_userdata = userdata;
}

void input_load_history(Input *input, const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    struct stat status;
    HistEvent event;

    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > HISTORY_SIZE_MAX ||
        !g_file_get_contents(path, &text, NULL, NULL) || !input->history)
        return;
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++)
        if (*lines[i])
            history(input->history, &event, H_ENTER, lines[i]);
}

void input_save_history(Input *input, const char *path)
{
    HistEvent event;
    FILE *file;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    file = fdopen(fd, "w");
    if (!file) {
        close(fd);
        return;
    }
    if (input->history)
        for (int r = history(input->history, &event, H_LAST); r >= 0;
             r = history(input->history, &event, H_PREV))
            fprintf(file, "%s\n", event.str);
    fclose(file);
}

/* Waits for input or Ctrl-C. */
static int wait_for_input(void)
{
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = interrupt_fd(), .events = POLLIN}};

    if (poll(waits, G_N_ELEMENTS(waits), -1) < 0 && errno != EINTR)
        return -errno;
    return interrupt_take() ? -EINTR : 0;
}

/* libedit's own blocks in read(): a Ctrl-C just before it would be lost until the next key. */
static int read_character(EditLine *edit, wchar_t *ret)
{
    Input *input = NULL;
    mbstate_t state = {0};
    size_t size;
    ssize_t got;
    char byte;

    el_get(edit, EL_CLIENTDATA, &input);
    for (;;) {
        if (wait_for_input() == -EINTR) {
            input->interrupted = true;
            return 0;
        }
        got = read(STDIN_FILENO, &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return (int)got;
        size = got == 1 ? mbrtowc(ret, &byte, 1, &state) : (size_t)-2;
        if (size <= 1)
            return 1;
        /* Half a character waits for its rest; what is none is dropped. */
        if (size == (size_t)-1)
            memset(&state, 0, sizeof(state));
    }
}

static const char *show_prompt(EditLine *edit)
{
    Input *input = NULL;

    el_get(edit, EL_CLIENTDATA, &input);
    return input->prompt;
}

/* Replaces the word before the cursor by what all candidates begin with; a candidate that is alone gets a
 * space behind it. */
static bool insert_common(EditLine *edit, char **candidates, const char *word)
{
    g_autofree char *common = g_strdup(candidates[0]);
    size_t length = strlen(common);

    for (size_t i = 1; candidates[i]; i++) {
        size_t same = 0;
        while (same < length && candidates[i][same] == common[same])
            same++;
        length = same;
    }
    /* Not in the middle of a character. */
    while (length > 0 && ((unsigned char)common[length] & 0xc0) == 0x80)
        length--;
    common[length] = '\0';
    if (length < strlen(word) || (length == strlen(word) && candidates[1]))
        return false;
    el_insertstr(edit, common + strlen(word));
    if (!candidates[1])
        el_insertstr(edit, " ");
    return true;
}

static unsigned char complete_word(EditLine *edit, wint_t character)
{
    g_autofree char *line = NULL, *word = NULL;
    g_auto(GStrv) candidates = NULL;
    const LineInfo *info = el_line(edit);
    const char *start = info->cursor;
    Input *input = NULL;

    el_get(edit, EL_CLIENTDATA, &input);
    if (!input->complete)
        return CC_ERROR;
    while (start > info->buffer && !strchr(WORD_DELIMITERS, start[-1]))
        start--;
    line = g_strndup(info->buffer, (gsize)(info->lastchar - info->buffer));
    word = g_strndup(start, (gsize)(info->cursor - start));
    candidates = input->complete(line, word, input->complete_userdata);
    if (!candidates || !candidates[0])
        return CC_ERROR;
    if (insert_common(edit, candidates, word))
        return CC_REFRESH;
    putchar('\n');
    column_print(stdout, (const char *const *)candidates, 79);
    return CC_REDISPLAY;
}

/* libedit's own shows "^D" when it ends the input; readline shows nothing. */
static unsigned char delete_or_end(EditLine *edit, wint_t character)
{
    const LineInfo *info = el_line(edit);

    if (info->lastchar == info->buffer)
        return CC_EOF;
    if (info->cursor == info->lastchar)
        return CC_ERROR;
    el_cursor(edit, 1);
    el_deletestr(edit, 1);
    return CC_REFRESH;
}

static int open_editor(Input *input)
{
    input->edit = el_init("supervisorctl", stdin, stdout, stderr);
    if (!input->edit)
        return -ENOMEM;
    el_set(input->edit, EL_CLIENTDATA, input);
    el_set(input->edit, EL_PROMPT, show_prompt);
    el_set(input->edit, EL_EDITOR, "emacs");
    el_set(input->edit, EL_SIGNAL, 0);
    el_wset(input->edit, EL_GETCFN, read_character);
    if (input->history)
        el_set(input->edit, EL_HIST, history, input->history);
    /* The wide call: the other one loses copies of the names. */
    el_wset(input->edit, EL_ADDFN, L"supervisor-complete", L"complete the word", complete_word);
    el_set(input->edit, EL_BIND, "^I", "supervisor-complete", NULL);
    el_wset(input->edit, EL_ADDFN, L"supervisor-delete", L"delete, or end the input", delete_or_end);
    el_set(input->edit, EL_BIND, "^D", "supervisor-delete", NULL);
    el_set(input->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(input->edit, NULL);
    return 0;
}

static int read_edited(Input *input, const char *prompt, bool remember, char **ret)
{
    const char *line;
    HistEvent event;
    int count = 0;

    if (!input->edit && open_editor(input) < 0)
        return -ENODATA;
    input->prompt = prompt;
    input->interrupted = false;
    /* libedit shows the prompt first and takes the terminal then: who answers a prompt quickly (expect) would
     * be echoed twice. */
    el_set(input->edit, EL_PREP_TERM, 1);
    line = el_gets(input->edit, &count);
    if (input->interrupted) {
        el_reset(input->edit);
        return -EINTR;
    }
    if (!line || count <= 0)
        return -ENODATA;
    *ret = g_strchomp(g_strdup(line));
    if (remember && **ret && input->history)
        history(input->history, &event, H_ENTER, *ret);
    return 0;
}

int input_take_line(Input *input, char **ret)
{
    const char *newline = memchr(input->pending->str, '\n', input->pending->len);
    size_t length = newline ? (size_t)(newline - input->pending->str) : input->pending->len;

    if (!newline && !input->ended)
        return -EAGAIN;
    if (!newline && length == 0)
        return -ENODATA;
    *ret = g_strndup(input->pending->str, length);
    g_string_erase(input->pending, 0, (gssize)(length + (newline != NULL)));
    return 0;
}

int input_fill(Input *input)
{
    char buffer[4096];
    ssize_t size = read(STDIN_FILENO, buffer, sizeof(buffer));

    if (size < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (size == 0 || input->pending->len > LINE_SIZE_MAX)
        input->ended = true;
    g_string_append_len(input->pending, buffer, size);
    return 0;
}

static int read_plain(Input *input, const char *prompt, char **ret)
{
    int r;

    fputs(prompt, stdout);
    fflush(stdout);
    while ((r = input_take_line(input, ret)) == -EAGAIN) {
        r = wait_for_input();
        if (r < 0)
            return r;
        r = input_fill(input);
        if (r < 0)
            return -ENODATA;
    }
    return r;
}

int input_read_line(Input *input, const char *prompt, bool remember, char **ret)
{
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return read_edited(input, prompt, remember, ret);
    return read_plain(input, prompt, ret);
}

static int read_terminal_line(int terminal, char **ret)
{
    g_autoptr(GString) line = g_string_new(NULL);
    char character;
    ssize_t size;

    while ((size = read(terminal, &character, 1)) == 1 && character != '\n')
        if (line->len < LINE_SIZE_MAX)
            g_string_append_c(line, character);
    if (size < 0 && errno == EINTR && interrupt_take())
        return -EINTR;
    if (size <= 0 && line->len == 0)
        return -ENODATA;
    *ret = g_string_free(g_steal_pointer(&line), FALSE);
    return 0;
}

static void show(int terminal, const char *text)
{
    if (write(terminal, text, strlen(text)) < 0) {
        /* A prompt that cannot be shown is no reason not to read. */
    }
}

int input_read_password(Input *input, const char *prompt, char **ret)
{
    struct termios before, quiet;
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int r;

    fflush(stdout);
    if (terminal < 0 || tcgetattr(terminal, &before) < 0) {
        if (terminal >= 0)
            close(terminal);
        fputs("Warning: Password input may be echoed.\n", stderr);
        fputs(prompt, stderr);
        r = read_plain(input, "", ret);
        if (r >= 0)
            fputc('\n', stderr);
        return r;
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(terminal, TCSAFLUSH, &quiet);
    show(terminal, prompt);
    r = read_terminal_line(terminal, ret);
    tcsetattr(terminal, TCSAFLUSH, &before);
    show(terminal, "\n");
    close(terminal);
    return r;
}
