/* The plugin ABI of Ferry, version 1. Plain C; include/ferry/transport.hpp is a C++ adapter over
 * it.
 *
 * A transport is a shared object that moves bytes over one kind of link. It is loaded by a host
 * process, ferry-transport, one for each [transport.NAME] section. The host owns planning, limits
 * and cancellation; the plugin owns the bytes on the wire. It exports one symbol,
 * FERRY_TRANSPORT_ENTRY.
 *
 * Threads. There are two: the host's thread, which talks to the agent, and the plugin's thread, on
 * which run() is called once and which belongs to the plugin until run() returns (the plugin may
 * start others). Each function below says who calls it and whether it may block.
 *
 * Jail. When the entry function is called the process is jailed already: no file can be written,
 * none read but sealed packs, no program run, no unix socket made. IPv4 and IPv6 sockets may be
 * opened, but connected to nobody. The host knows by the plugin's name which few need more:
 * `mqtt` may connect, `ble` has Bluetooth sockets, which it may connect, and none of IP.
 * Descriptors of other things (serial ports) are handed over by the agent.
 *
 * Versions. Every struct begins with its size as its author compiled it; new fields come only at
 * the end, so a reader must not touch a field that lies beyond `size`. The symbol's name carries
 * the major version.
 *
 * Strings are UTF-8, end with NUL, and live as long as said; NULL where said stands for "not
 * known".
 */
#ifndef FERRY_TRANSPORT_H
#define FERRY_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_TRANSPORT_ENTRY ferry_transport_v1

/* Results. 0 is success. */
enum {
  FERRY_OK = 0,
  FERRY_NOT_FOUND = 1, /* no such release, artifact, setting; nothing to offer */
  FERRY_CORRUPT =
      2, /* the bytes do not match their digest: reset the link, never finish the answer */
  FERRY_UNAVAILABLE = 3, /* the agent is away or overloaded; ask again later */
  FERRY_INVALID = 4,     /* a contract was broken: offset past the end, text too long */
  FERRY_DENIED = 5
};

enum { FERRY_DEBUG = 0, FERRY_INFO = 1, FERRY_WARNING = 2, FERRY_ERROR = 3 };

/* How far the image that a device runs is accepted there. */
enum {
  FERRY_IMAGE_UNKNOWN = 0,
  FERRY_IMAGE_CONFIRMED = 1,
  FERRY_IMAGE_ON_TRIAL = 2 /* the next reset brings the old one back unless it is confirmed */
};

/* A device as it showed itself on the link. The host copies what it keeps before the call returns.
 */
typedef struct ferry_device {
  uint32_t size;
  const char* id;      /* 1..120 bytes; unique within the product */
  const char* product; /* name of a [product.NAME] section */
  const char* version; /* what it says it runs; NULL when it does not say */
  const char* address; /* where it was reached, for people: "10.0.0.7:51324", "/dev/ttyUSB0" */
  int proven; /* 1 when it proved its identity by a key; 0 when only its word stands for it */
  /* What only devices that are told (next()) know of themselves. Images are named as the device
   * names them, in lower-case hex: of MCUboot images the hash in their TLVs. */
  const char* image;  /* that it runs; NULL not known */
  const char* staged; /* that waits in its other slot; NULL none, or not known */
  int image_state;    /* FERRY_IMAGE_... */
  int battery;        /* percent; -1 when it does not tell */
  int signal;         /* dBm, below 0; 0 when nobody knows */
  int version_lasts;  /* 1 when devices of this link tell their version only once it has changed:
                         without one, the one that it told last still holds */
} ferry_device;

/* A digest other than SHA-256 of an artifact, as an old device asks for it. `kind` is what was
 * wanted: "sha1", "md5" or "sha256", optionally followed by "+N" (N bytes 0xFF appended) and "-M"
 * (the last M bytes left out); "mcuboot", the hash in the TLVs of an MCUboot image, which is left
 * out of the answer when the artifact is none; or another name that the agent knows, of at most 32
 * characters [a-z0-9+/-]. */
typedef struct ferry_digest {
  const char* kind;
  const char* hex; /* lower case */
} ferry_digest;

/* Bytes that are complete, verified and readable. */
typedef struct ferry_artifact {
  uint32_t size;
  uint64_t handle;      /* for read(); valid until the process ends */
  uint64_t length;      /* bytes */
  const char* sha256;   /* 64 lower-case hex digits */
  const char* role;     /* "firmware", "file", "archive", "differential" */
  const char* version;  /* of the release it belongs to */
  const char* name;     /* its path in URLs, unique in the release */
  const char* dst_path; /* role file: where on the device, without leading '/'; else "" */
  size_t digest_count;
  const ferry_digest* digests; /* those that were wanted */
} ferry_artifact;

/* A file that the device's present version has, so that a difference can be told. */
typedef struct ferry_base_file {
  const char* dst_path;
  const char* sha256;
} ferry_base_file;

/* What one device should get now. Valid only during the callback that brings it. */
typedef struct ferry_offer {
  uint32_t size;
  uint64_t delivery; /* names it in progress() and outcome() */
  const char* product;
  const char* version;      /* that the device will run afterwards */
  const char* from_version; /* that it said it runs; NULL unknown */
  size_t artifact_count;    /* files and firmware may be of different versions */
  const ferry_artifact* artifacts;
  int base_known; /* 1 when base_files is the exact content of from_version */
  size_t base_count;
  const ferry_base_file* base_files;
} ferry_offer;

/* Called on the plugin's loop (through post()). `offer` / `artifact` is NULL unless result is
 * FERRY_OK; FERRY_NOT_FOUND means there is nothing for this device now. */
typedef void (*ferry_offer_callback)(void* user, int result, const ferry_offer* offer);
typedef void (*ferry_artifact_callback)(void* user, int result, const ferry_artifact* artifact);
typedef void (*ferry_done_callback)(void* user, int result);

/* What a device that is told should be brought to next; see next(). */
enum {
  FERRY_TRANSFER = 1, /* bring the offer's bytes there, from where the device says it is */
  FERRY_ACTIVATE = 2, /* make it start the image that it has, on trial where it can */
  FERRY_CONFIRM = 3   /* make the image that it runs on trial the one that stays */
};
/* Valid only during the callback that brings it. */
typedef struct ferry_step {
  uint32_t size;
  int step;
  const ferry_offer* offer; /* what the delivery brings, in every step */
  /* Bytes of the offer's first artifact that the device's end acknowledged before: for devices
   * that can go on but do not say where. What a device says itself is the truth. */
  uint64_t acknowledged;
} ferry_step;
typedef void (*ferry_step_callback)(void* user, int result, const ferry_step* step);

/* Outcomes of a delivery or of one of its steps that a link can know of. What a device runs
 * afterwards is told by device_seen(). */
enum {
  FERRY_TRANSFERRED = 1, /* the last byte was acknowledged by the device's end, and is right there
                            as far as it can be asked */
  FERRY_FAILED = 2,      /* the device refused or gave up; detail says why */
  FERRY_ACTIVATED = 3,   /* it was told to start the new image, and does so */
  FERRY_CONFIRMED = 4,   /* it keeps the image it runs */
  FERRY_LOST = 5,        /* it went away in mid-step: no failure, it is continued when seen again */
  FERRY_BUSY = 6,        /* it cannot now */
  FERRY_REFUSED_IMAGE = 7,     /* it says that the image is none, or broken */
  FERRY_REFUSED_SIZE = 8,      /* it has no room for the image, ever */
  FERRY_REFUSED_DOWNGRADE = 9, /* it takes no lower version */
  FERRY_ROLLED_BACK = 10,      /* it started the new image and went back to the old one */
  FERRY_REFUSED_UNPAIRED = 11 /* its link is not secured as its product demands; nothing was sent */
};

/* What happens on a link too often to be told one by one; see count(). */
enum {
  FERRY_REQUESTS = 1, /* of devices, that were answered */
  FERRY_REFUSALS = 2  /* of these, by an error */
};

/* What the host gives. It outlives the plugin. Every function may be called from any thread of the
 * plugin and none blocks longer than a local read of 64 KiB. */
typedef struct ferry_host {
  uint32_t size;
  void* context; /* first argument of each */

  void (*log)(void* context, int level, const char* text);

  /* The value of a key of this transport's section, or NULL. Lives as long as the process. */
  const char* (*setting)(void* context, const char* key);
  /* The sections [product.NAME], one after the other: name of the index-th, or NULL past the end;
   * and a key's value, or NULL. Live as long as the process. */
  const char* (*product)(void* context, size_t index);
  const char* (*product_setting)(void* context, const char* product, const char* key);

  /* The state of the link, for people and tests: "listening" / "127.0.0.1:8000", "failed" / why. */
  void (*state)(void* context, const char* state, const char* detail);

  /* A device showed itself. No answer. */
  void (*device_seen)(void* context, const ferry_device* device);

  /* Asks what the device should get; `want` names the digests needed ("sha1"), want_count of them.
   * Answered exactly once by the callback, unless run() returns before. */
  void (*offer)(void* context, const ferry_device* device, const char* const* want,
                size_t want_count, ferry_offer_callback callback, void* user);

  /* Finds the artifact that URLs name: product, version, name. Answered exactly once. */
  void (*find)(void* context, const char* product, const char* version, const char* name,
               ferry_artifact_callback callback, void* user);

  /* Reads `length` bytes at `offset`, checked against their digest. Local and quick. All or
   * nothing. FERRY_NOT_FOUND: withdrawn meanwhile; FERRY_INVALID: beyond the end, or no such
   * handle; FERRY_UNAVAILABLE: the medium cannot be read now. */
  int (*read)(void* context, uint64_t handle, uint64_t offset, void* out, size_t length);

  /* The device's end acknowledged the bytes [offset, offset + length) of the artifact. May be
   * called as often as wanted; the host passes it on at most once a second, and always the
   * artifact's end. */
  void (*progress)(void* context, const ferry_device* device, uint64_t handle, uint64_t offset,
                   uint64_t length);

  /* A delivery ended on this link. The callback (may be NULL) comes when the agent has it on disk.
   */
  void (*outcome)(void* context, const ferry_device* device, uint64_t delivery, int outcome,
                  const char* detail, ferry_done_callback callback, void* user);

  /* The device is reachable and idle: what is to be done with it now? Answered exactly once, unless
   * run() returns before. FERRY_OK: one step, to be done at once and ended by one outcome();
   * FERRY_NOT_FOUND: nothing; ask again after changed(), or when the device shows itself in another
   * state. The agent counts the step as under way until its outcome, the end of the process, or a
   * new question of the same device, which it answers by the same step. `want` as in offer(). */
  void (*next)(void* context, const ferry_device* device, const char* const* want,
               size_t want_count, ferry_step_callback callback, void* user);

  /* The plugin has closed a descriptor that port() brought, because the line is gone or of no use.
   * The agent hands it over anew when the line is there again. */
  void (*port_closed)(void* context, const char* name);

  /* `counter` (FERRY_REQUESTS, …) grew by `amount`. Costs next to nothing; the host passes it on at
   * most once a second. Bytes that progress() tells are counted by the host. */
  void (*count)(void* context, int counter, uint64_t amount);

  /* Finds what may be passed on of a source's repository, metadata and artifacts as they came:
   * `path` is "SOURCE/metadata/…" or "SOURCE/targets/…", percent-decoded. Answered exactly once,
   * like find(). FERRY_NOT_FOUND: it is not here, or the key `mirror` of this section does not name
   * the source. Of the artifact size, handle, length and sha256 count. Metadata may be another at
   * the next moment, so that a plugin asks for each request anew; and its handle is valid only
   * until so much other metadata was asked for that the host forgets it: read() is then
   * FERRY_NOT_FOUND. */
  void (*mirror)(void* context, const char* path, ferry_artifact_callback callback, void* user);
} ferry_host;

/* What the plugin gives; static or allocated, it lives until the process ends. */
typedef struct ferry_transport {
  uint32_t size;
  void* context; /* first argument of each */

  /* Called once on the plugin's thread. Runs the plugin's loop until stop(). 0 after a stop;
   * anything else is a failure that was logged, and the agent starts the process again later. */
  int (*run)(void* context);
  /* Called once on the host's thread; must not block. run() then returns within 2 seconds, or the
   * process is killed. */
  void (*stop)(void* context);
  /* Called on the host's thread, from before run() until it has returned; must not block. The
   * plugin runs `function(argument)` on its loop, in the order of the calls. Those left when run()
   * returns are dropped. */
  void (*post)(void* context, void (*function)(void* argument), void* argument);
  /* Called on the plugin's loop (through post()): the catalog, the policy or the time for it
   * changed; offers and artifacts that are kept may be out of date, and next() may have something.
   * May be NULL. */
  void (*changed)(void* context);
  /* Called on the plugin's loop: the step of this delivery that is under way shall end soon. It
   * ends by its outcome as always, FERRY_LOST when it was broken off. May be NULL. */
  void (*cancel)(void* context, uint64_t delivery);
  /* Called on the plugin's loop: a line that the key `port` of the transport's section names is
   * there, opened for this process alone (open file description with O_NONBLOCK | O_NOCTTY, locked,
   * TIOCEXCL). `name` is how the section's pattern found it ("/dev/serial/by-id/usb-…") and lives
   * during the call. The plugin owns the descriptor; see port_closed(). May be NULL. */
  void (*port)(void* context, const char* name, int descriptor);
} ferry_transport;

/* The exported symbol. Called on the plugin's thread before run(); reads its settings, and gives
 * NULL after having logged why when they make no sense. `host` lives until the process ends. */
typedef const ferry_transport* (*ferry_transport_entry)(const ferry_host* host);

#ifdef __cplusplus
}
#endif

#endif
