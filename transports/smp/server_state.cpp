#include "transports/smp/server_state.hpp"

#include <algorithm>
#include <utility>

namespace ferry::smp {
namespace {

using formats::CborWriter;

// Answers that wait to be fetched: a link that is slower than its device asks.
constexpr std::size_t answer_queue_limit = 16;
constexpr std::uint8_t newest_version = 1;  // on the wire

}  // namespace

void Server::Implementation::received(Bytes packet, TimePoint now) {
  now_ = now;
  const std::optional<Header> header = peek(packet);
  if (!header || is_answer(header->op) || packet.size() > options_.parameters.buffer_size) return;
  if (answers_.size() >= answer_queue_limit) return;
  if (const std::string* kept = cache_.find(as_text(packet), now)) {
    answers_.push_back(*kept);
    return;
  }
  if (is_waiting(packet)) return;  // its answer is on the way
  if (header->version > newest_version) return refuse(*header, packet, Code::too_new);
  const Result<Packet> decoded = decode(packet);
  if (!decoded) return refuse(*header, packet, Code::invalid);
  dispatch(*decoded, packet);
}

std::optional<std::string> Server::Implementation::next_output() {
  if (answers_.empty()) return std::nullopt;
  std::optional<std::string> first = std::move(answers_.front());
  answers_.pop_front();
  return first;
}

void Server::Implementation::dispatch(const Packet& packet, Bytes request) {
  switch (packet.header.group) {
    case group::os:
      return dispatch_os(packet, request);
    case group::image:
      return dispatch_image(packet, request);
    case group::files:
      return dispatch_files(packet, request);
    default:
      return refuse(packet.header, request, Code::not_supported);
  }
}

void Server::Implementation::dispatch_os(const Packet& packet, Bytes request) {
  switch (packet.header.command) {
    case command::os_echo:
      return echo(packet, request);
    case command::os_parameters:
      return tell_parameters(packet.header, request);
    case command::os_reset:
      return refuse(packet.header, request, Code::access_denied);
    default:
      return refuse(packet.header, request, Code::not_supported);
  }
}

void Server::Implementation::dispatch_image(const Packet& packet, Bytes request) {
  const bool write = packet.header.op == Op::write;
  switch (packet.header.command) {
    case command::image_state:
      if (write) return refuse(packet.header, request, Code::access_denied);
      return tell_images(packet.header, request);
    case command::image_upload:
    case command::image_erase:
      return refuse(packet.header, request, write ? Code::access_denied : Code::not_supported);
    default:
      return refuse(packet.header, request, Code::not_supported);
  }
}

void Server::Implementation::echo(const Packet& packet, Bytes request) {
  const auto text = packet.body.find("d");
  if (text == packet.body.end() || !text->is_string()) {
    return refuse(packet.header, request, Code::invalid);
  }
  answer(packet.header, request,
         CborWriter().map(1).text("r").text(text->get_ref<const std::string&>()).take());
}

void Server::Implementation::tell_parameters(const Header& header, Bytes request) {
  if (header.op != Op::read) return refuse(header, request, Code::not_supported);
  CborWriter out;
  out.map(2).text("buf_size").number(options_.parameters.buffer_size);
  out.text("buf_count").number(options_.parameters.buffer_count);
  answer(header, request, out.take());
}

void Server::Implementation::tell_images(const Header& header, Bytes request) {
  if (!options_.images) return refuse(header, request, Code::not_supported);
  std::vector<ImageSlot> slots = options_.images();
  if (slots.size() > image_slot_limit) slots.resize(image_slot_limit);
  std::string body = image_state_body(slots);
  while (!slots.empty() && header_size + body.size() > options_.answer_limit) {
    slots.pop_back();
    body = image_state_body(slots);
  }
  answer(header, request, body);
}

void Server::Implementation::answer(const Header& header, Bytes request, const std::string& body) {
  if (header_size + body.size() > options_.answer_limit) {
    return refuse(header, request, Code::too_long);
  }
  Header back = header;
  back.op = answer_to(header.op);
  answers_.push_back(encode(back, body));
  cache_.keep(std::string(as_text(request)), answers_.back(), now_);
}

void Server::Implementation::refuse(const Header& header, Bytes request, Code code) {
  if (options_.refused) options_.refused();
  Header back = header;
  back.op = answer_to(header.op);
  back.version = std::min(header.version, newest_version);
  answers_.push_back(
      encode(back, CborWriter().map(1).text("rc").number(static_cast<unsigned>(code)).take()));
  // "Busy" is to be asked again in earnest.
  if (code != Code::busy) cache_.keep(std::string(as_text(request)), answers_.back(), now_);
}

void Server::Implementation::refuse_file(const Asked& asked, FileCode code) {
  const Bytes request = as_bytes(asked.request);
  if (asked.header.version == 0) {
    const Code flat = code == FileCode::not_found                                  ? Code::no_entry
                      : code == FileCode::unknown || code == FileCode::read_failed ? Code::unknown
                                                                                   : Code::invalid;
    return refuse(asked.header, request, flat);
  }
  if (options_.refused) options_.refused();
  CborWriter out;
  out.map(1).text("err").map(2).text("rc").number(static_cast<unsigned>(code));
  out.text("group").number(group::files);
  answer(asked.header, request, out.take());
}

Server::Server(ServerOptions options, Files& files)
    : implementation_(std::make_shared<Implementation>(std::move(options), files)) {}

Server::~Server() = default;

void Server::received(Bytes packet, TimePoint now) {
  implementation_->received(packet, now);
}

std::optional<std::string> Server::next_output() {
  return implementation_->next_output();
}

bool Server::hashing() const {
  return implementation_->hashing();
}

void Server::step() {
  implementation_->step();
}

void Server::forget_answers() {
  implementation_->forget_answers();
}

}  // namespace ferry::smp
