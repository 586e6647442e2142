#include "bridge/copy_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

typedef struct Record {
    LogPlace place;
    LogPlace behind;
    uint64_t doubt;
    uint64_t was_cut;
} Record;

/* The file. A kill may come between any two instructions: a record is written while the other one counts. */
typedef struct Contents {
    _Atomic uint64_t turn; /* 0: nothing was marked; odd: the first record counts; even: the second */
    Record records[2];
    uint64_t shared;
} Contents;

struct CopyMark {
    char *path;
    Contents *contents; /* the file's, or our own copy of them */
    bool is_mapped;
};

/* Opens or makes the file and reads what it has; a new one has nothing. */
static int read_contents(const char *path, Contents *contents)
{
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    /* Room is taken now: on a full disk a write to a hole in a mapped file is a SIGBUS. */
    if (status.st_size < (off_t)sizeof *contents) {
        int r = posix_fallocate(fd, 0, sizeof *contents);
        if (r != 0)
            return -r;
    }
    return pread(fd, contents, sizeof *contents, 0) == (ssize_t)sizeof *contents ? 0 : -EIO;
}

int copy_mark_open(const char *path, CopyMark **ret)
{
    g_autofree Contents *contents = g_new0(Contents, 1);
    int r = read_contents(path, contents);

    if (r < 0)
        return r;
    *ret = g_new0(CopyMark, 1);
    (*ret)->path = g_strdup(path);
    (*ret)->contents = g_steal_pointer(&contents);
    return 0;
}

void copy_mark_free(CopyMark *mark)
{
    if (!mark)
        return;
    if (mark->is_mapped)
        (void)munmap(mark->contents, sizeof(Contents));
    else
        g_free(mark->contents);
    g_free(mark->path);
    g_free(mark);
}

/* A mapping is a whole page of memory: only streams that have lines to send get one. Where it cannot be had
 * the copy that is saved as a whole has to do. */
static void map(CopyMark *mark)
{
    CLEANUP_CLOSE int fd = -1;

    if (mark->is_mapped)
        return;
    fd = open(mark->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    Contents *contents =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *contents, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (contents == MAP_FAILED)
        return;
    g_free(mark->contents);
    mark->contents = contents;
    mark->is_mapped = true;
}

static void save(const CopyMark *mark)
{
    CLEANUP_CLOSE int fd = -1;

    if (mark->is_mapped)
        return;
    fd = open(mark->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        (void)!pwrite(fd, mark->contents, sizeof(Contents), 0);
}

static const Record *current(const CopyMark *mark)
{
    return &mark->contents->records[(mark->contents->turn + 1) % 2];
}

static void write_record(CopyMark *mark, const Record *record)
{
    uint64_t turn = mark->contents->turn + 1;

    mark->contents->records[(turn + 1) % 2] = *record;
    atomic_store_explicit(&mark->contents->turn, turn, memory_order_release);
    save(mark);
}

bool copy_mark_is_set(const CopyMark *mark)
{
    return mark->contents->turn != 0;
}

LogPlace copy_mark_place(const CopyMark *mark)
{
    return current(mark)->place;
}

uint64_t copy_mark_doubt(const CopyMark *mark, LogPlace *ret_behind)
{
    *ret_behind = current(mark)->behind;
    return current(mark)->doubt;
}

bool copy_mark_was_cut(const CopyMark *mark)
{
    return current(mark)->was_cut != 0;
}

void copy_mark_set_shared(CopyMark *mark)
{
    mark->contents->shared = 1;
    save(mark);
}

bool copy_mark_is_shared(const CopyMark *mark)
{
    return mark->contents->shared != 0;
}

static uint64_t realtime_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void copy_mark_begin(CopyMark *mark, const LogPlace *behind)
{
    map(mark);
    const Record *now = current(mark);
    write_record(
        mark,
        &(Record){.place = now->place, .behind = *behind, .doubt = realtime_now(), .was_cut = now->was_cut});
}

void copy_mark_finish(CopyMark *mark, const LogPlace *place, bool was_cut)
{
    write_record(mark, &(Record){.place = *place, .was_cut = was_cut});
}
