/* A disk that remembers the order of everything: a FUSE file system with two files.
 *
 *   disk   a block device's content, backed by IMAGE; each write and each flush is appended to LOG
 *   mark   text written to it is appended to LOG, in order with the writes
 *
 * usage: log_disk IMAGE LOG MOUNTPOINT
 *
 * A record in LOG: offset (8 bytes), length (4), kind (4), then `length` bytes; in the machine's
 * byte order. Single-threaded, so that the log's order is the order in which requests were
 * answered.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_WRITE = 1, KIND_FLUSH = 2, KIND_MARK = 3 };

struct record {
  uint64_t offset;
  uint32_t length;
  uint32_t kind;
};

static int image = -1;
static int log_file = -1;
static off_t disk_size;

static int is_disk(const char* path) {
  return strcmp(path, "/disk") == 0;
}
static int is_mark(const char* path) {
  return strcmp(path, "/mark") == 0;
}

static int append_record(enum kind kind, off_t offset, const void* data, size_t length) {
  struct record record = {(uint64_t)offset, (uint32_t)length, (uint32_t)kind};
  struct iovec parts[2] = {{&record, sizeof record}, {(void*)(uintptr_t)data, length}};
  const ssize_t wanted = (ssize_t)(sizeof record + length);
  return writev(log_file, parts, length == 0 ? 1 : 2) == wanted ? 0 : -EIO;
}

static int get_attributes(const char* path, struct stat* status, struct fuse_file_info* info) {
  (void)info;
  memset(status, 0, sizeof *status);
  if (strcmp(path, "/") == 0) {
    status->st_mode = S_IFDIR | 0755;
    status->st_nlink = 2;
    return 0;
  }
  if (!is_disk(path) && !is_mark(path)) return -ENOENT;
  status->st_mode = S_IFREG | 0600;
  status->st_nlink = 1;
  status->st_size = is_disk(path) ? disk_size : 0;
  return 0;
}

static int open_file(const char* path, struct fuse_file_info* info) {
  /* A mark must arrive when it is written, not when the page cache thinks fit. */
  if (is_mark(path)) info->direct_io = 1;
  return 0;
}

static int read_disk(const char* path, char* buffer, size_t size, off_t offset,
                     struct fuse_file_info* info) {
  (void)info;
  if (!is_disk(path)) return 0;
  const ssize_t got = pread(image, buffer, size, offset);
  return got < 0 ? -errno : (int)got;
}

static int write_file(const char* path, const char* buffer, size_t size, off_t offset,
                      struct fuse_file_info* info) {
  (void)info;
  if (is_mark(path)) return append_record(KIND_MARK, 0, buffer, size) == 0 ? (int)size : -EIO;
  if (offset + (off_t)size > disk_size) return -ENOSPC;
  if (pwrite(image, buffer, size, offset) != (ssize_t)size) return -EIO;
  return append_record(KIND_WRITE, offset, buffer, size) == 0 ? (int)size : -EIO;
}

static int flush_disk(const char* path, int data_only, struct fuse_file_info* info) {
  (void)data_only;
  (void)info;
  return is_disk(path) ? append_record(KIND_FLUSH, 0, NULL, 0) : 0;
}

static int truncate_file(const char* path, off_t size, struct fuse_file_info* info) {
  (void)size;
  (void)info;
  return is_mark(path) ? 0 : -EPERM;
}

static const struct fuse_operations operations = {
    .getattr = get_attributes,
    .open = open_file,
    .read = read_disk,
    .write = write_file,
    .fsync = flush_disk,
    .truncate = truncate_file,
};

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: log_disk IMAGE LOG MOUNTPOINT\n");
    return 2;
  }
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  log_file = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (image < 0 || log_file < 0) {
    perror("log_disk");
    return 1;
  }
  disk_size = lseek(image, 0, SEEK_END);
  char* arguments[] = {argv[0], "-f", "-s", "-o", "default_permissions", argv[3], NULL};
  return fuse_main(6, arguments, &operations, NULL);
}
