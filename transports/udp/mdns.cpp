#include "transports/udp/mdns.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace ferry::udp {
namespace {

constexpr std::string_view service_name = "_mcumgr._udp.local";
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_ptr = 12;
constexpr std::uint16_t type_srv = 33;
constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t class_mask = 0x7FFF;  // the top bit of an answer says "the only one"
constexpr std::size_t longest_name = 255;
constexpr std::size_t most_records = 64;
constexpr int most_jumps = 16;  // of one name
constexpr std::uint32_t longest_lifetime = 24 * 3600;

// Reads from front to back; every read after the end gives nothing.
class Reader {
 public:
  explicit Reader(Bytes message) : message_(message) {}

  std::optional<std::uint16_t> u16() {
    if (!has(2)) return std::nullopt;
    const auto value = static_cast<std::uint16_t>(byte(at_) << 8U | byte(at_ + 1));
    at_ += 2;
    return value;
  }
  std::optional<std::uint32_t> u32() {
    const auto high = u16();
    const auto low = u16();
    if (!high || !low) return std::nullopt;
    return static_cast<std::uint32_t>(*high) << 16U | *low;
  }
  bool skip(std::size_t count) {
    if (!has(count)) return false;
    at_ += count;
    return true;
  }
  std::size_t at() const { return at_; }
  Bytes here(std::size_t count) const {
    return has(count) ? message_.subspan(at_, count) : Bytes();
  }

  // A name, which may go on elsewhere; but only further in front, so that it ends.
  std::optional<std::string> name() {
    std::string text;
    std::size_t at = at_;
    std::optional<std::size_t> after;  // where this one ends here
    std::size_t before = at_;          // a pointer has to lead below
    int jumps = 0;
    while (at < message_.size()) {
      const unsigned length = byte(at);
      if (length >= 0xC0) {
        if (at + 1 >= message_.size() || ++jumps > most_jumps) return std::nullopt;
        const std::size_t target = (length & 0x3FU) << 8U | byte(at + 1);
        if (!after) after = at + 2;
        if (target >= before) return std::nullopt;
        before = at = target;
        continue;
      }
      if (length >= 0x40 || at + 1 + length > message_.size()) return std::nullopt;
      if (length == 0) {
        at_ = after.value_or(at + 1);
        return text;
      }
      if (!text.empty()) text += '.';
      for (std::size_t i = 0; i < length; ++i) append(text, byte(at + 1 + i));
      if (text.size() > 2 * longest_name) return std::nullopt;
      at += 1 + length;
    }
    return std::nullopt;
  }

 private:
  bool has(std::size_t count) const { return count <= message_.size() - at_; }
  unsigned byte(std::size_t at) const { return std::to_integer<unsigned>(message_[at]); }
  static void append(std::string& text, unsigned value) {
    const char c = static_cast<char>(value);
    if (c == '.' || c == '\\') text += '\\';
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }

  Bytes message_;
  std::size_t at_ = 0;
};

struct RecordHead {
  std::string name;
  std::uint16_t type = 0;
  std::uint16_t record_class = 0;
  std::uint32_t lifetime = 0;
  std::uint16_t length = 0;
};

std::optional<RecordHead> read_head(Reader& reader) {
  auto name = reader.name();
  if (!name) return std::nullopt;
  const auto type = reader.u16();
  const auto record_class = reader.u16();
  const auto lifetime = reader.u32();
  const auto length = reader.u16();
  if (!type || !record_class || !lifetime || !length) return std::nullopt;
  RecordHead head;
  head.name = std::move(*name);
  head.type = *type;
  head.record_class = *record_class & class_mask;
  head.lifetime = std::min(*lifetime, longest_lifetime);
  head.length = *length;
  return head;
}

// What a record holds, where it is of a kind that matters. `reader` stands at its data, and is a
// copy, since names in there may lead elsewhere.
void read_data(Reader reader, const RecordHead& head, MdnsRecords& records) {
  if (head.type == type_ptr && head.name == service_name &&
      records.instances.size() < most_records) {
    if (auto instance = reader.name()) records.instances.push_back(std::move(*instance));
  }
  if (head.type == type_srv && head.name.ends_with(service_name) &&
      records.services.size() < most_records) {
    MdnsRecords::Service service;
    const bool skipped = reader.skip(4);  // priority and weight
    const auto port = reader.u16();
    auto host = reader.name();
    if (!skipped || !port || *port == 0 || !host) return;
    service.instance = head.name;
    service.host = std::move(*host);
    service.port = *port;
    service.lifetime = head.lifetime;
    records.services.push_back(std::move(service));
  }
  if (head.type == type_a && head.length == sizeof(in_addr) &&
      records.hosts.size() < most_records) {
    MdnsRecords::Host host;
    host.name = head.name;
    const Bytes raw = reader.here(sizeof host.address);
    if (raw.size() != sizeof host.address) return;
    std::memcpy(&host.address, raw.data(), raw.size());
    host.lifetime = head.lifetime;
    records.hosts.push_back(std::move(host));
  }
}

// Only hosts that a packet may be sent to without harm to others.
bool is_unicast(in_addr address) {
  const std::uint32_t value = ntohl(address.s_addr);
  return value >> 24U != 0 && value >> 28U < 0xE && value != 0xFFFFFFFFU;
}

}  // namespace

in_addr mdns_group() {
  return in_addr{htonl(0xE00000FBU)};
}

std::string mdns_question() {
  std::string text(12, '\0');
  text[5] = 1;  // one question
  std::string_view rest = service_name;
  while (!rest.empty()) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    text += static_cast<char>(label.size());
    text += label;
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
  }
  text += '\0';
  for (const std::uint16_t value : {type_ptr, class_in}) {
    text += static_cast<char>(value >> 8U);
    text += static_cast<char>(value & 0xFFU);
  }
  return text;
}

MdnsRecords parse_mdns(Bytes datagram) {
  MdnsRecords records;
  Reader reader(datagram);
  const auto id = reader.u16();
  const auto flags = reader.u16();
  const auto questions = reader.u16();
  const auto answers = reader.u16();
  const auto authorities = reader.u16();
  const auto more = reader.u16();
  constexpr unsigned response = 0x8000;
  constexpr unsigned operation_and_error = 0x780F;
  if (!id || !flags || !questions || !answers || !authorities || !more) return records;
  if ((*flags & response) == 0 || (*flags & operation_and_error) != 0) return records;
  for (int i = 0; i < *questions; ++i) {
    if (!reader.name() || !reader.skip(4)) return records;
  }
  const int count = *answers + *authorities + *more;
  for (int i = 0; i < count; ++i) {
    const auto head = read_head(reader);
    if (!head || reader.here(head->length).size() != head->length) return records;
    if (head->record_class == class_in) read_data(reader, *head, records);
    reader.skip(head->length);
  }
  return records;
}

void MdnsTable::take(const MdnsRecords& records, TimePoint now) {
  std::erase_if(services_, [&](const auto& entry) { return entry.second.until <= now; });
  std::erase_if(hosts_, [&](const auto& entry) { return entry.second.until <= now; });
  for (const MdnsRecords::Service& service : records.services) {
    const bool known = services_.contains(service.instance);
    if (service.lifetime == 0) {
      services_.erase(service.instance);
    } else if (known || services_.size() < most) {
      services_[service.instance] = {service.host, service.port,
                                     now + std::chrono::seconds(service.lifetime)};
    }
  }
  for (const MdnsRecords::Host& host : records.hosts) {
    if (!is_unicast(host.address)) continue;
    const bool known = hosts_.contains(host.name);
    if (host.lifetime == 0) {
      hosts_.erase(host.name);
    } else if (known || hosts_.size() < most) {
      hosts_[host.name] = {host.address, now + std::chrono::seconds(host.lifetime)};
    }
  }
}

std::set<Address> MdnsTable::addresses(TimePoint now) const {
  std::set<Address> found;
  for (const auto& [instance, service] : services_) {
    const auto host = hosts_.find(service.host);
    if (host == hosts_.end() || service.until <= now || host->second.until <= now) continue;
    found.insert(Address::of(host->second.address, service.port));
  }
  return found;
}

}  // namespace ferry::udp
