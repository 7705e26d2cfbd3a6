// Dialects: what the devices of one kind ask for, and how they want it answered. Pure functions
// from request and offer to answer, without I/O, so that every link (HTTP, SMP over serial or BLE)
// pulls by the same names. They never compare versions: what a device should get is the agent's to
// decide.
//
// A request goes: select() → recognize() → Ask → the link gets what the Ask needs (an offer, or an
// artifact by name) → answer_…() → Answer → the link writes it in its own framing.
//
// Names below a product's root, in every dialect: /VERSION/NAME is an artifact. The rest is the
// dialect's:
//   plain        /offer.json   the offer as JSON;  /firmware  the offered image itself
//   pycom        /manifest.json?current_ver=V, /firmware_VERSION.bin
//   esp32-json   any path that ends in .json, and beside it ~/VERSION/NAME
//   chunked      /updatemeta, /blocks/VERSION/NAME/NUMBER
//   quecpython   /offer.json
//   http-update  any other path  the image itself, or 304
//   tasmota      any other path  the file of that name, else the image; or 304
//   esp-idf      any other path  the image itself, or 304
//   esphome      any path that ends in .json or .md5; any other path: the image itself
//   json         any other path  the offer in the fields that the operator named
// Their names stand in formats/dialect_names.hpp.
//
// Memory: a Request is made of views into the link's buffers, and so are Ask and Answer; they are
// used up before the buffers are. Serving a piece of an artifact allocates nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::dialects {

// A product's section as far as transports need it ([product.NAME]); keys as in config/ferry.ini.
struct Profile {
  std::string name;
  std::string dialect;
  std::string match_path;  // "" stands for "/NAME"
  std::string match_query;
  std::string match_header;
  std::string match_address;
  std::string device_id;
  std::string device_version;
  std::string nothing_to_do;
  std::string block_check;
  std::string chip_family;
  // Dialect json: where the offer's parts stand, a dot for each step down; "" not told.
  std::string json_version;
  std::string json_url;
  std::string json_hash;
  std::string json_hash_kind;
  std::string json_size;
};

// Says what is wrong with a profile, so that a transport refuses to start: an unknown dialect, a
// match or an identity of the wrong shape.
Status check(const Profile& profile);

struct Field {
  std::string_view name;
  std::string_view value;
};

// What was asked, in the terms that all links share. Links without headers leave them empty.
struct Request {
  std::string_view path;           // starts with '/', percent-decoded, no query
  std::span<const Field> query;    // percent-decoded
  std::span<const Field> headers;  // names in any letter case
  std::string_view peer;           // IP address, or the port's name
};

// The value of the first field of that name, or nothing. `header` compares in any letter case.
std::optional<std::string_view> query(const Request& request, std::string_view name);
std::optional<std::string_view> header(const Request& request, std::string_view name);

// The profile that a request belongs to, and the part of its path that is the product's root: ""
// when the request was known by something else than its path. With `device_id = path` the root
// includes the id.
struct Match {
  const Profile* profile = nullptr;
  std::string_view root;
};

// Looks at paths first (the longest that fits), then queries, headers and addresses in the order of
// the profiles; else `fallback` (the transport's `product =`); else null.
Match select(const std::vector<Profile>& profiles, const Request& request,
             std::string_view fallback);

struct Device {
  std::string_view
      id;  // "" when this request does not tell; the link remembers or uses its address
  std::string_view product;
  std::string_view version;  // "" unknown
  // A digest by which it names the image that it runs, as it told; "" none.
  std::string_view image = {};
};

struct Artifact {
  std::uint64_t handle = 0;
  std::uint64_t length = 0;
  std::string sha256;
  std::string role;
  std::string version;
  std::string name;
  std::string dst_path;
  std::map<std::string, std::string> digests;  // as wanted → hex
};

struct BaseFile {
  std::string dst_path;
  std::string sha256;
};

struct Offer {
  std::uint64_t delivery = 0;
  std::string version;
  std::string from_version;
  std::vector<Artifact> artifacts;
  bool base_known = false;
  std::vector<BaseFile> base_files;

  const Artifact* find(std::string_view role) const;  // the first of that role, or null
};

// What a link has to get before it can answer.
struct AskOffer {  // a manifest: needs the device's offer with these digests
  Device device;
  std::vector<std::string> want;  // kinds as in transport.h and formats/padding.hpp
};
struct AskArtifact {  // bytes, by name
  Device device;
  std::string_view version;
  std::string_view name;
  std::optional<std::uint64_t> block;  // chunked: number of the 512-byte block
};
// Answered at once.
struct Refusal {
  int status = 404;
  std::string text;  // for people: what is wrong, and what to do
  // The client takes whatever comes for the file itself: the link is broken off after the answer.
  bool break_off = false;
};
using Ask = std::variant<AskOffer, AskArtifact, Refusal>;

// `request.path` is the path below the match's root.
Ask recognize(const Match& match, const Request& request);

// A piece of an artifact, followed by `padding` bytes of 0xFF that belong to the body.
struct Body {
  std::uint64_t handle = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;   // from the artifact
  std::uint64_t padding = 0;  // bytes of 0xFF after it

  std::uint64_t size() const { return length + padding; }
};

// `count` bytes of the body from `first` on; both lie within it.
Body slice(const Body& body, std::uint64_t first, std::uint64_t count);

// How a link that knows ranges may serve parts of an answer.
enum class Ranges {
  none,
  always,        // the name stands for these bytes for ever
  if_validated,  // the name stands for other bytes later: only against the entity tag of these
};

struct Answer {
  int status = 200;
  std::string_view content_type = "application/octet-stream";  // static text
  std::variant<std::string, Body> body;  // text made here, or bytes of an artifact
  std::string_view etag;                 // strong, without quotes: the artifact's SHA-256; "" none
  std::string_view version;              // told along with the bytes; "" not told
  std::string_view role;                 // likewise
  std::string_view md5;                  // likewise, as x-MD5 (http-update, tasmota)
  // The version that the device runs, as a digest it told shows; "" not known. The link tells the
  // agent, for the device does not.
  std::string_view runs;
  Ranges ranges = Ranges::none;
  bool announce_length = true;  // false: ended by the end of the connection (esp32-json)
  bool pad_header = false;      // header block padded to a multiple of 100 bytes (pycom)
  bool end_is_empty =
      false;               // a range that begins at the end is an empty 206, not 416 (quecpython)
  bool break_off = false;  // see Refusal
};

// Where the device reaches this gateway, for the URLs it is given.
struct Site {
  std::string_view host;   // as the device named it ("10.0.0.1:8000"); "" when it did not
  std::uint16_t port = 0;  // where the link listens; 0 for links without ports
  std::string_view root;   // Match::root
};

// The answer to an AskOffer; `offer` is null when there is nothing for the device, and lives as
// long as the answer.
Answer answer_offer(const Match& match, const Request& request, const Offer* offer,
                    const Site& site);
// The answer to an AskArtifact; `artifact` lives as long as the answer.
Answer answer_artifact(const Match& match, const AskArtifact& ask, const Artifact& artifact);
// The answer when what an Ask needs is not to be had: `status` 404, or 503 while the agent is away.
Answer answer_failure(const Match& match, const Ask& ask, int status, std::string text);
Answer refuse(const Refusal& refusal);

}  // namespace ferry::dialects
