#include "ctl/client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

namespace ferry::ctl {
namespace {

constexpr std::size_t reply_limit = 256U << 20U;
constexpr std::size_t line_limit = 8U << 20U;
constexpr long request_seconds = 30;

struct CurlFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CurlFree>;
using Headers = std::unique_ptr<curl_slist, CurlFree>;

// Who may use the socket, as advice: " or as a member of group 'ferry'".
std::string group_advice(const std::filesystem::path& socket) {
  struct stat found {};
  if (::stat(socket.c_str(), &found) != 0) return "";
  const group* owner = ::getgrgid(found.st_gid);
  return owner == nullptr ? "" : fmt::format(" or as a member of group '{}'", owner->gr_name);
}

Answered<Reply> reply_from(std::string text, std::string_view name) {
  formats::JsonLimits limits;
  limits.bytes = reply_limit;
  auto json = formats::parse_json(text, name, limits);
  if (!json) return tl::unexpected(Problem{Exit::failure, json.error().message});
  return Reply{std::move(text), std::move(*json)};
}

Problem refusal(long status, const Reply& reply) {
  std::string message = fmt::format("the agent answered with HTTP status {}", status);
  const auto error = reply.json.is_object() ? reply.json.find("error") : reply.json.end();
  if (error != reply.json.end()) {
    if (const auto text = formats::text_at(*error, "message")) message = *text;
  }
  return {status == 404 ? Exit::not_found : Exit::failure, std::move(message)};
}

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
  auto& text = *static_cast<std::string*>(into);
  if (text.size() + size * count > reply_limit) return 0;
  text.append(data, size * count);
  return size * count;
}

}  // namespace

struct Client::State {
  std::filesystem::path socket;
  Handle handle{curl_easy_init()};

  void prepare(const std::string& path);
  Problem connection_problem(CURLcode code);
  long status();
  Answered<Reply> request(const std::string& path);
};

void Client::State::prepare(const std::string& path) {
  CURL* curl = handle.get();
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, ("http://ferry" + path).c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // An id may be "..", which is a part like any other here.
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  // A proxy of the environment is for the network, not for this socket.
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

Problem Client::State::connection_problem(CURLcode code) {
  if (code != CURLE_COULDNT_CONNECT) {
    return {Exit::failure, fmt::format("{}: {}", socket.string(), curl_easy_strerror(code))};
  }
  long error = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_OS_ERRNO, &error);
  if (error == EACCES || error == EPERM) {
    return {Exit::no_permission, fmt::format("{}: no permission; run ferryctl as root{}",
                                             socket.string(), group_advice(socket))};
  }
  return {Exit::not_running,
          fmt::format("no agent answers at {}; start it with 'systemctl start ferryd', or name its "
                      "socket with --socket",
                      socket.string())};
}

long Client::State::status() {
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

Answered<Reply> Client::State::request(const std::string& path) {
  std::string body;
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, request_seconds);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &collect);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return tl::unexpected(connection_problem(code));
  auto reply = reply_from(std::move(body), "the agent's answer to " + path);
  if (reply && status() >= 400) return tl::unexpected(refusal(status(), *reply));
  return reply;
}

Client::Client(std::filesystem::path socket) : state_(std::make_unique<State>()) {
  state_->socket = std::move(socket);
}

Client::~Client() = default;

Answered<Reply> Client::get(const std::string& path) {
  state_->prepare(path);
  return state_->request(path);
}

Answered<Reply> Client::post(const std::string& path, const Json& body) {
  state_->prepare(path);
  const std::string text = formats::to_text(body);
  const Headers headers(curl_slist_append(nullptr, "Content-Type: application/json"));
  CURL* curl = state_->handle.get();
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(text.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text.c_str());
  return state_->request(path);
}

namespace {

// The stream, cut into lines.
struct LineReader {
  const Client::Watching& watching;
  CURL* curl;
  std::string pending;
  bool broken = false;

  bool take(std::string_view data) {
    pending.append(data);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    // The body of a refusal is read whole, by whoever looks at the status afterwards.
    if (status >= 400) return pending.size() <= line_limit;
    for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      auto reply = reply_from(pending.substr(0, end), "an event");
      pending.erase(0, end + 1);
      if (!reply) {
        broken = true;
        return false;
      }
      watching.event(*reply);
    }
    return pending.size() <= line_limit;
  }
};

std::size_t take_lines(char* data, std::size_t size, std::size_t count, void* reader) {
  return static_cast<LineReader*>(reader)->take({data, size * count}) ? size * count : 0;
}

int tick(void* watching, curl_off_t /*down_total*/, curl_off_t /*down*/, curl_off_t /*up_total*/,
         curl_off_t /*up*/) {
  static_cast<const Client::Watching*>(watching)->tick();
  return 0;
}

}  // namespace

Problem Client::watch(const Watching& watching) {
  state_->prepare("/v1/watch");
  CURL* curl = state_->handle.get();
  LineReader reader{watching, curl, {}};
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_lines);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reader);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &watching);
  const CURLcode code = curl_easy_perform(curl);
  if (reader.broken) return {Exit::failure, "the agent sent an event that is not JSON"};
  if (code == CURLE_COULDNT_CONNECT) return state_->connection_problem(code);
  if (const long status = state_->status(); status >= 400) {
    const auto reply = reply_from(reader.pending, "the agent's answer to /v1/watch");
    return reply ? refusal(status, *reply) : reply.error();
  }
  return {Exit::not_running, "the agent ended the stream"};
}

std::string Client::encoded(const std::string& part) {
  std::string text;
  for (const char c : part) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

}  // namespace ferry::ctl
