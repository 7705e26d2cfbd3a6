#include "tests/unit/smp/device_model.hpp"

#include <algorithm>
#include <random>

namespace ferry::smp::test {
namespace {

// Independent of the writer under test: bytes by nlohmann-json, then made indefinite by hand.
std::string cbor(const Json& body, bool indefinite) {
  const std::vector<std::uint8_t> raw = Json::to_cbor(body);
  std::string out(raw.begin(), raw.end());
  if (indefinite && body.size() < 24) {
    out[0] = '\xBF';
    out += '\xFF';
  }
  return out;
}

Json binary(std::string_view bytes) {
  return Json::binary({bytes.begin(), bytes.end()});
}

std::string bytes_at(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_binary()) return {};
  const auto& raw = found->get_binary();
  return {raw.begin(), raw.end()};
}

}  // namespace

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

std::optional<std::string> DeviceModel::answer(Bytes packet) {
  const Result<Packet> request = decode(packet);
  if (!request || is_answer(request->header.op)) return std::nullopt;
  requests.push_back(*request);
  largest_packet = std::max(largest_packet, packet.size());
  Header header = request->header;
  header.op = answer_to(header.op);
  header.version = settings_.version_2_errors ? header.version : 0;
  if (settings_.memory != 0 && packet.size() > settings_.memory) {
    return encode(header, error(*request, 2));
  }
  return encode(header, map_of(*request));
}

std::string DeviceModel::error(const Packet& request, unsigned code) const {
  if (settings_.version_2_errors && settings_.v2_refuse != 0) {
    return cbor({{"err", {{"group", request.header.group}, {"rc", settings_.v2_refuse}}}}, false);
  }
  return cbor({{"rc", code}}, settings_.indefinite);
}

std::string DeviceModel::map_of(const Packet& request) {
  const Header& header = request.header;
  if (header.group == 0 && header.command == 0) {
    return cbor({{"r", request.body.value("d", "")}}, settings_.indefinite);
  }
  if (header.group == 0 && header.command == 5) {
    was_reset = true;
    return cbor(Json::object(), settings_.indefinite);
  }
  if (header.group == 0 && header.command == 6 && settings_.parameters) {
    return cbor({{"buf_size", settings_.buffer_size}, {"buf_count", settings_.buffer_count}},
                settings_.indefinite);
  }
  if (header.group == 0 && header.command == 7) {
    return cbor({{"output", "Zephyr " + request.body.value("format", "")}}, false);
  }
  if (header.group == 0 && header.command == 8) return cbor({{"bootloader", "MCUboot"}}, false);
  if (header.group == 1 && settings_.busy > 0) {
    --settings_.busy;
    return error(request, 10);
  }
  if (header.group == 1 && header.command == 0) return state(request);
  if (header.group == 1 && header.command == 1) return upload(request);
  if (header.group == 1 && header.command == 5) {
    slot_.clear();
    image_hash.clear();
    return settings_.erase_says_too_long ? error(request, 7) : cbor(Json::object(), false);
  }
  return error(request, 8);
}

std::string DeviceModel::state(const Packet& request) {
  if (request.header.op == Op::write) {
    const std::string hash = bytes_at(request.body, "hash");
    if (!hash.empty() && hash != image_hash) return error(request, 3);
    if (request.body.value("confirm", false)) {
      confirmed = true;
    } else {
      tested = hash;
    }
  }
  Json images = Json::array();
  images.push_back({{"slot", 0},
                    {"version", "1.0.0"},
                    {"hash", binary(std::string(32, 'r'))},
                    {"bootable", true},
                    {"confirmed", true},
                    {"active", true}});
  if (!image_hash.empty()) {
    Json second = {{"slot", 1}, {"version", "1.0.1"}, {"hash", binary(image_hash)}};
    if (!tested.empty()) second["pending"] = true;
    images.push_back(std::move(second));
  }
  return cbor({{"images", std::move(images)}}, settings_.indefinite);
}

std::string DeviceModel::offset_is(std::size_t offset, std::optional<bool> match) const {
  Json body = {{"rc", 0}, {"off", offset}};
  if (match) body["match"] = *match;
  return cbor(body, settings_.indefinite);
}

std::string DeviceModel::upload(const Packet& request) {
  const Json& body = request.body;
  const std::uint64_t offset = body.value("off", std::uint64_t{1} << 40U);
  std::string data = bytes_at(body, "data");
  if (settings_.no_memory > 0) {
    --settings_.no_memory;
    return error(request, 2);
  }
  if (offset == 0) {
    if (settings_.refuse) return error(request, *settings_.refuse);
    const std::string sha = bytes_at(body, "sha");
    if (!body.contains("len") || data.size() < 32) return error(request, 3);
    length_ = body.at("len").get<std::size_t>();
    if (length_ > settings_.slot_size) return error(request, 1);
    if (!slot_.empty() && uploading_ && sha == sha_ && !settings_.recovery)
      return offset_is(slot_.size());
    slot_.clear();
    image_hash.clear();
    sha_ = sha;
    uploading_ = true;
    ++begun;
  } else if (!uploading_) {
    return offset_is(0);
  } else if (offset != slot_.size()) {
    if (offset < slot_.size()) ++twice;
    return offset_is(slot_.size());
  }
  const bool last = slot_.size() + data.size() == length_;
  if (!last) data.resize(data.size() / settings_.granule * settings_.granule);
  slot_ += data;
  if (!last) return offset_is(slot_.size());
  uploading_ = false;
  image_hash = Sha256::of(as_bytes(slot_)).hex();
  const Sha256 whole = Sha256::of(as_bytes(slot_));
  const bool match = sha_ == as_text(whole.bytes);
  return offset_is(length_, settings_.says_match ? std::optional(match) : std::nullopt);
}

}  // namespace ferry::smp::test
