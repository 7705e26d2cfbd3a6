#include "tests/contract/smp_slots.hpp"

namespace ferry::contract {

using smp::Json;

namespace {

std::string raw_name(const std::string& content) {
  return std::string(as_text(Sha256::of(as_bytes(content)).bytes));
}
Json binary(const std::string& raw) {
  return Json::binary(std::vector<std::uint8_t>(raw.begin(), raw.end()));
}
std::string text_of(const Json& binary) {
  const auto& bytes = binary.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string image_name(const std::string& content) {
  return to_hex(as_bytes(raw_name(content)));
}

std::optional<std::string> SmpSlots::answer(Bytes packet) {
  const auto request = smp::decode(packet);
  if (!request) return std::nullopt;
  const std::uint16_t group = request->header.group;
  if (group == smp::group::os && request->header.command == smp::command::os_reset &&
      ignored_ > 0) {
    --ignored_;
    return std::nullopt;
  }
  Json answer = Json::object();
  {
    const std::lock_guard lock(mutex_);
    if (group == smp::group::image) answer = about_images(*request);
    if (group == smp::group::os) answer = about_system(*request);
  }
  smp::Header header = request->header;
  header.op = smp::answer_to(header.op);
  const std::vector<std::uint8_t> cbor = Json::to_cbor(answer);
  return smp::encode(header,
                     std::string_view(reinterpret_cast<const char*>(cbor.data()), cbor.size()));
}

std::string SmpSlots::stored() {
  const std::lock_guard lock(mutex_);
  return image_;
}
std::string SmpSlots::staged() {
  const std::lock_guard lock(mutex_);
  return is_whole() && !swapped_ ? image_name(image_) : "";
}
std::string SmpSlots::running() {
  const std::lock_guard lock(mutex_);
  return to_hex(as_bytes(active()));
}
bool SmpSlots::is_confirmed() {
  const std::lock_guard lock(mutex_);
  return confirmed_;
}

std::string SmpSlots::active() const {
  return swapped_ ? raw_name(image_) : raw_name("factory");
}

Json SmpSlots::about_system(const smp::Packet& request) {
  if (request.header.command == smp::command::os_parameters) {
    return {{"buf_size", 2475}, {"buf_count", 4}};
  }
  if (request.header.command == smp::command::os_reset) {
    if (pending_) {
      swapped_ = true;
      confirmed_ = pending_ = false;
    }
    return Json::object();
  }
  return {{"rc", 8}};
}

Json SmpSlots::about_images(const smp::Packet& request) {
  if (request.header.command == smp::command::image_upload) return upload(request.body);
  if (request.header.command == smp::command::image_erase) {
    image_.clear();
    return Json::object();
  }
  if (request.header.op == smp::Op::write) {
    if (request.body.value("confirm", false)) {
      confirmed_ = true;
    } else if (!is_whole() || text_of(request.body.at("hash")) != raw_name(image_)) {
      return {{"rc", 3}};
    } else {
      pending_ = true;
    }
  }
  Json images = Json::array();
  images.push_back({{"slot", 0},
                    {"version", swapped_ ? "1.0.2" : "1.0.1"},
                    {"hash", binary(active())},
                    {"active", true},
                    {"confirmed", confirmed_}});
  if (is_whole() && !swapped_) {
    images.push_back({{"slot", 1},
                      {"version", "1.0.2"},
                      {"hash", binary(raw_name(image_))},
                      {"pending", pending_}});
  }
  return {{"images", images}};
}

Json SmpSlots::upload(const Json& body) {
  const auto offset = body.at("off").get<std::size_t>();
  const std::string data = text_of(body.at("data"));
  if (offset == 0) {
    const std::string sha = text_of(body.at("sha"));
    if (sha != sha_ || is_whole()) image_.clear();
    sha_ = sha;
  }
  if (offset == image_.size()) image_ += data;
  return {{"off", image_.size()}};
}

}  // namespace ferry::contract
