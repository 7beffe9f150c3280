// A wasi:cli/command of WASI 0.2: wasi-libc calls preview 1, and the adapter that the build adds makes 0.2 of it. What the
// program does is its first argument.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "", *arg2 = argc > 3 ? argv[3] : "";
  if (!strcmp(what, "args")) {
    for (int i = 1; i < argc; i++) puts(argv[i]);
  } else if (!strcmp(what, "env")) {
    puts(getenv(arg) ? getenv(arg) : "(not set)");
  } else if (!strcmp(what, "cat") || !strcmp(what, "stdin")) {
    FILE *f = *what == 'c' ? fopen(arg, "r") : stdin;
    if (!f) return perror(arg), 1;
    for (int c; (c = getc(f)) != EOF;) putchar(c);
  } else if (!strcmp(what, "write")) {
    FILE *f = fopen(arg, "w");
    if (!f || fputs(arg2, f) < 0 || fclose(f)) return perror(arg), 1;
  } else if (!strcmp(what, "ls")) {
    DIR *dir = opendir(arg);
    if (!dir) return perror(arg), 1;
    for (struct dirent *e; (e = readdir(dir));) puts(e->d_name);
    closedir(dir);
  } else if (!strcmp(what, "sleep")) {
    long ms = atol(arg);
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
  } else if (!strcmp(what, "exit")) {
    return atoi(arg);
  } else {
    puts("hello from C");
  }
  return 0;
}
