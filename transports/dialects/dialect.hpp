// Dialects: what the devices of one kind ask for, and how they want it answered. Pure functions from
// request and offer to answer, without I/O, so that every link (HTTP, SMP over serial or BLE) pulls by the
// same names.
//
// A request goes: recognize() → Ask → the link gets what the Ask needs (an offer, or an artifact by name) →
// answer() → Answer → the link writes it in its own framing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.hpp"

namespace ferry::dialects {

// A product's section as far as transports need it ([product.NAME]); keys as in config/ferry.ini.
struct Profile {
  std::string name;
  std::string dialect;
  std::string match_path;
  std::string match_query;
  std::string match_header;
  std::string match_address;
  std::string device_id;
  std::string device_version;
  std::string nothing_to_do;
  std::string block_check;
};

// What was asked, in the terms that all links share. Links without headers leave them empty.
struct Request {
  bool head = false;              // HEAD: same answer, no body
  std::string path;               // starts with '/', percent-decoded, no query
  std::map<std::string, std::string> query;    // percent-decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string peer;               // IP address, or the port's name
};

struct Device {
  std::string id;
  std::string product;
  std::string version;  // "" unknown
};

struct Artifact {
  std::uint64_t handle = 0;
  std::uint64_t length = 0;
  std::string sha256;
  std::string role;
  std::string version;
  std::string name;
  std::string dst_path;
  std::map<std::string, std::string> digests;
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
};

// The profile that a request belongs to: the first whose match fits, else `fallback` (the transport's
// `product =`), else null.
const Profile* select(const std::vector<Profile>& profiles, const Request& request,
                      std::string_view fallback);

// What a link has to get before it can answer.
struct AskOffer {  // a manifest: needs the device's offer with these digests
  Device device;
  std::vector<std::string> want;
};
struct AskArtifact {  // bytes, by name
  Device device;
  std::string version;
  std::string name;
  std::optional<std::uint64_t> block;  // chunked: number of the 512-byte block
};
struct Refusal {  // answered at once
  int status = 404;
  std::string text;
};
using Ask = std::variant<AskOffer, AskArtifact, Refusal>;

Ask recognize(const Profile& profile, const Request& request);

// A piece of an artifact, followed by `padding` bytes of 0xFF that belong to the body.
struct Body {
  std::uint64_t handle = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;   // from the artifact
  std::uint64_t padding = 0;  // bytes of 0xFF after it
};

struct Answer {
  int status = 200;
  std::string content_type = "application/octet-stream";
  std::variant<std::string, Body> body;  // text made here, or bytes of an artifact
  std::uint64_t whole = 0;      // length of the whole representation, padding included (for Range)
  std::string etag;             // strong, without quotes; "" none
  bool ranges = false;          // the link may serve parts of it
  bool announce_length = true;  // false: no Content-Length, ended by close (esp32-json)
  bool pad_header = false;      // header block padded to a multiple of 100 bytes (pycom)
  bool end_is_empty = false;    // a range that begins at the end: empty 206 instead of 416 (quecpython)
};

// The manifest for a device; `offer` is null when there is nothing for it. `base` is the URL of the
// product's root without trailing '/', as this device reaches it ("http://10.0.0.1:8000/meter").
Answer answer_offer(const Profile& profile, const Request& request, const Offer* offer,
                    std::string_view base);
Answer answer_artifact(const Profile& profile, const Request& request, const AskArtifact& ask,
                       const Artifact& artifact);
Answer refuse(const Refusal& refusal);

}  // namespace ferry::dialects
