// Does with files what programs do. Every language's program here prints the same.
// It has /data to work in and /fixed to read only.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int ok, const char *what) {
  if (!ok) {
    perror(what);
    exit(1);
  }
}

static void show(const char *label, const char *path) {
  char buf[64] = {0};
  FILE *f = fopen(path, "r");
  must(f != NULL, path);
  fread(buf, 1, sizeof buf - 1, f);
  fclose(f);
  printf("%s %s\n", label, buf);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
  char *names[16];
  size_t n = 0;
  DIR *d = opendir(path);
  must(d != NULL, path);
  for (struct dirent *e; (e = readdir(d)) != NULL && n < 16;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) names[n++] = strdup(e->d_name);
  closedir(d);
  qsort(names, n, sizeof *names, by_name);
  printf("list");
  for (size_t i = 0; i < n; i++) printf(" %s", names[i]);
  printf("\n");
}

static void refused(const char *label, int result) {
  printf("%s %s\n", label, result < 0 ? "refused" : "ALLOWED");
}

int main(void) {
  must(mkdir("/data/sub", 0777) == 0, "mkdir");
  FILE *f = fopen("/data/first.txt", "w+");
  must(f != NULL, "fopen");
  must(fputs("hello world", f) >= 0, "fputs");
  must(fseek(f, 6, SEEK_SET) == 0, "fseek");
  char tail[8] = {0};
  fread(tail, 1, 5, f);
  printf("tail %s\n", tail);
  fclose(f);

  f = fopen("/data/first.txt", "a");
  must(f != NULL, "fopen a");
  fputs("!", f);
  fclose(f);
  show("appended", "/data/first.txt");

  must(rename("/data/first.txt", "/data/sub/second.txt") == 0, "rename");
  must(symlink("sub/second.txt", "/data/link") == 0, "symlink");
  char target[32] = {0};
  must(readlink("/data/link", target, sizeof target - 1) > 0, "readlink");
  printf("link %s\n", target);
  show("through", "/data/link");

  must(truncate("/data/sub/second.txt", 5) == 0, "truncate");
  show("truncated", "/data/sub/second.txt");
  struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000001}};
  must(utimensat(AT_FDCWD, "/data/sub/second.txt", times, 0) == 0, "utimensat");
  struct stat st;
  must(stat("/data/sub/second.txt", &st) == 0, "stat");
  printf("stat %lld %lld\n", (long long)st.st_size, (long long)st.st_mtim.tv_sec);
  list("/data");

  show("fixed", "/fixed/file");
  refused("write", open("/fixed/file", O_WRONLY));
  refused("create", open("/fixed/new", O_WRONLY | O_CREAT, 0666));
  refused("unlink", unlink("/fixed/file"));
  refused("outside", open("/data/../outside/secret", O_RDONLY));
  refused("escape", open("/data/escape", O_RDONLY));

  must(unlink("/data/link") == 0, "unlink");
  refused("rmdir", rmdir("/data/sub"));
  must(unlink("/data/sub/second.txt") == 0, "unlink");
  must(rmdir("/data/sub") == 0, "rmdir");
  list("/data");
  return 0;
}
