/* spew MEGABYTES WRITE: writes so many megabytes of lines of 100 bytes to standard output, as fast as that
 * takes them, WRITE bytes at a time: 100 as a program does that flushes every line, 4000 as one that leaves
 * it to stdio. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 100, WRITE_MAX = 4000, MEGABYTE = 1000 * 1000 };

int main(int argc, char **argv)
{
    char buffer[WRITE_MAX];
    size_t size = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (size == 0 || size > WRITE_MAX || size % LINE != 0)
        errx(2, "usage: spew MEGABYTES 100..4000");
    for (size_t at = 0; at < size; at += LINE) {
        memset(buffer + at, 'a' + (int)(at / LINE % 26), LINE - 1);
        buffer[at + LINE - 1] = '\n';
    }
    for (unsigned long left = strtoul(argv[1], NULL, 10) * (MEGABYTE / size); left > 0; left--) {
        for (size_t done = 0; done < size;) {
            ssize_t count = write(STDOUT_FILENO, buffer + done, size - done);

            if (count < 0)
                err(1, "write");
            done += (size_t)count;
        }
    }
    return 0;
}
