// What agent and transport host say to each other, as values and as JSON. base/link.hpp moves the
// text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "formats/release.hpp"

namespace ferry::formats::link {

enum class ImageState { unknown, confirmed, on_trial };

// A device as a host describes it; ferry_device of transport.h.
struct DeviceClaim {
  std::string id;
  std::string product;
  std::string version;  // "" unknown
  std::string address;
  bool proven = false;
  std::string image = {};   // "" unknown
  std::string staged = {};  // "" none, or unknown
  ImageState image_state = ImageState::unknown;
  int battery = -1;            // percent; -1 unknown
  int signal = 0;              // dBm; 0 unknown
  bool version_lasts = false;  // without a version, the one that it told last still holds
};

// An artifact that a host may serve: its name in a release, and where its bytes are.
struct ServableArtifact {
  Role role = Role::firmware;
  std::string version;
  std::string name;
  std::string dst_path;
  std::uint64_t size = 0;
  Sha256 sha256;
  Sha256 chunk_root;
  std::string pack;
  std::map<std::string, std::string> digests;  // kind → hex
};

struct BaseFile {
  std::string dst_path;
  Sha256 sha256;
};

struct Offer {
  std::uint64_t delivery = 0;
  std::string product;
  std::string version;
  std::string from_version;
  std::vector<ServableArtifact> artifacts;
  bool base_known = false;
  std::vector<BaseFile> base_files;
};

// Host → agent. `id` numbers the questions of one host; each is answered once by a reply of the
// same id.
struct Hello {
  int abi = 0;
  std::string plugin;
};
struct LinkState {
  std::string state;
  std::string detail;
};
struct Seen {
  DeviceClaim device;
};
struct AskOffer {
  std::uint64_t id = 0;
  DeviceClaim device;
  std::vector<std::string> want;
};
struct AskArtifact {
  std::uint64_t id = 0;
  std::string product;
  std::string version;
  std::string name;
};
struct Progress {
  DeviceClaim device;
  Sha256 sha256;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// What a device that is told should do next, and how that ended; FERRY_TRANSFER … and
// FERRY_TRANSFERRED … of transport.h.
enum class StepKind { transfer, activate, confirm };
enum class OutcomeKind {
  transferred,
  failed,
  activated,
  confirmed,
  lost,
  busy,
  refused_image,
  refused_size,
  refused_downgrade,
  rolled_back,
  refused_unpaired
};
std::string_view to_string(OutcomeKind kind);
struct AskStep {
  std::uint64_t id = 0;
  DeviceClaim device;
  std::vector<std::string> want;
};
struct Outcome {
  std::uint64_t id = 0;
  DeviceClaim device;
  std::uint64_t delivery = 0;
  OutcomeKind kind = OutcomeKind::transferred;
  std::string detail;
};
struct Corrupt {
  std::string pack;
  std::string detail;
};
struct Pong {};
struct PortClosed {  // the plugin has closed its descriptor
  std::string name;
};
// What happened on the link since the last message of this kind; a new process begins at nothing.
struct Counted {
  std::uint64_t requests = 0;  // of devices, that were answered
  std::uint64_t refusals = 0;  // of these, by an error
  std::uint64_t bytes = 0;     // of artifacts, that devices' ends acknowledged
};
struct AskMirror {
  std::uint64_t id = 0;
  std::string path;  // "SOURCE/metadata/…" or "SOURCE/targets/…", percent-decoded
};
using FromHost = std::variant<Hello, LinkState, Seen, AskOffer, AskArtifact, Progress, Outcome,
                              Corrupt, Pong, AskStep, PortClosed, Counted, AskMirror>;

// Agent → host.
struct Settings {
  std::string transport;  // the NAME of its section
  std::string log_level;  // debug, info, warning, error
  std::map<std::string, std::string> values;
  std::vector<std::map<std::string, std::string>> products;  // each with "name" and its keys
};
struct OfferReply {
  std::uint64_t id = 0;
  int result = 0;  // FERRY_OK, FERRY_NOT_FOUND, FERRY_UNAVAILABLE of transport.h
  std::optional<Offer> offer;
};
struct ArtifactReply {
  std::uint64_t id = 0;
  int result = 0;
  std::optional<ServableArtifact> artifact;
};
struct OutcomeReply {
  std::uint64_t id = 0;
  int result = 0;
};
struct Changed {};  // the catalog changed
struct Withdrawn {  // these must not be read any more
  std::string pack;
};
struct Ping {};
struct Stop {};
struct StepReply {
  std::uint64_t id = 0;
  int result = 0;
  StepKind step = StepKind::transfer;
  std::uint64_t acknowledged = 0;  // bytes of the offer's first artifact
  std::optional<Offer> offer;
};
struct Cancel {  // the step under way shall end soon
  std::uint64_t delivery = 0;
};
struct Port {  // comes with one descriptor
  std::string name;
};
// Metadata that a source was told: bytes that are in no pack. They come as a descriptor, an
// anonymous file that nobody can change any more.
struct Document {
  std::uint64_t size = 0;
  Sha256 sha256;
};
struct MirrorReply {  // one of both, if the result is FERRY_OK
  std::uint64_t id = 0;
  int result = 0;
  std::optional<ServableArtifact> artifact = {};
  std::optional<Document> document = {};  // comes with one descriptor
};
using FromAgent = std::variant<Settings, OfferReply, ArtifactReply, OutcomeReply, Changed,
                               Withdrawn, Ping, Stop, StepReply, Cancel, Port, MirrorReply>;

// Bounds of what a host may say; longer text is refused by the parser, so hosts cut or refuse it
// first.
inline constexpr std::size_t longest_id = 120;  // device, product, version
inline constexpr std::size_t longest_name = 512;
inline constexpr std::size_t longest_path = 2048;
inline constexpr std::size_t longest_address = 256;
inline constexpr std::size_t longest_image = 128;  // hex digits
inline constexpr std::size_t longest_state = 64;
inline constexpr std::size_t longest_detail = 1024;
inline constexpr std::size_t most_digests = 16;
inline constexpr std::size_t most_artifacts = 10000;
inline constexpr std::size_t from_host_bytes = 256U << 10U;

// Text that may stand in a line of the log: UTF-8 is the parser's matter, control characters are
// not in it.
bool is_plain_text(std::string_view text, std::size_t longest);
// 1..32 characters of [a-z0-9+/-]: how a wanted digest is named. What it means is the agent's
// matter.
bool is_digest_kind(std::string_view kind);

// Lower-case hex digits, an even number of them, or none.
bool is_image_name(std::string_view text);

// Both directions are parsed as if hostile: bounded depth and size, typed, no exception. Each
// message has exactly its keys; one more or one less is an error.
std::string write(const FromHost& message);
std::string write(const FromAgent& message);
Result<FromHost> parse_from_host(std::string_view text);
Result<FromAgent> parse_from_agent(std::string_view text);

}  // namespace ferry::formats::link
