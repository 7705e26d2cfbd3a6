#include "agent/control/control.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <charconv>
#include <optional>
#include <set>

#include "agent/control/broadcast.hpp"
#include "agent/control/routes.hpp"
#include "agent/control/socket_place.hpp"
#include "base/log.hpp"

namespace ferry::control {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Local = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;
using Any = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Any>;
using ErrorOf = boost::system::error_code;
constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr auto forever = asio::steady_timer::time_point::max();
constexpr std::uint32_t header_limit = 8192;

// One of the ways in. Those who come by one take no room from those of the other.
struct Door {
  Door(asio::io_context& loop, std::size_t limit, bool metrics)
      : most(limit), metrics_only(metrics), room(loop, forever) {}
  const std::size_t most;
  const bool metrics_only;  // nothing but the page of metrics, once for each connection
  std::size_t inside = 0;
  asio::steady_timer room;  // cancelled when somebody leaves
};

struct Connection {
  Connection(Any::socket socket, Door& by)
      : door(by), stream(std::move(socket)), wakeup(stream.get_executor(), forever) {}
  Door& door;
  Stream stream;
  asio::steady_timer wakeup;  // cancelled when a watcher has something to do
  beast::flat_buffer input;
};
using ConnectionPtr = std::shared_ptr<Connection>;

http::response<http::string_body> response_for(const Answer& answer, bool keep_alive) {
  http::response<http::string_body> response;
  response.version(11);
  response.result(answer.status);
  response.set(http::field::content_type,
               answer.page ? answer.page_type : std::string_view("application/json"));
  if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
  response.keep_alive(keep_alive);
  response.body() = answer.page ? *answer.page : formats::to_text(answer.body) + '\n';
  response.prepare_payload();
  return response;
}

// The answer to a request that could not even be read; none to a client that is gone or stalls.
std::optional<Answer> answer_to(const ErrorOf& error) {
  if (error == http::error::body_limit) {
    return refuse(413, "too-large", "the request's body is too large");
  }
  if (error == http::error::header_limit) {
    return refuse(431, "too-large", "the request's header is too large");
  }
  const bool http_error = error.category() == make_error_code(http::error::bad_version).category();
  if (!http_error || error == http::error::end_of_stream || error == http::error::partial_message) {
    return std::nullopt;
  }
  return refuse(400, "invalid", "not an HTTP request: " + error.message());
}

}  // namespace

struct ControlServer::State : std::enable_shared_from_this<ControlServer::State> {
  State(asio::io_context& io, const ControlOptions& given, const Clock& clock,
        ControlRequests& asked)
      : loop(io),
        options(given),
        requests(asked),
        acceptor(io),
        page_acceptor(io),
        door(io, given.connections, false),
        page_door(io, given.page_connections, true),
        ticker(io),
        broadcast(given.watch_backlog, clock) {}

  Status listen();
  Status listen_for_metrics(const std::string& endpoint);
  void close();
  void connection_ended(const ConnectionPtr& connection);
  void flush_later();
  template <typename Acceptor>
  asio::awaitable<void> accept(Acceptor& from, Door& by);
  asio::awaitable<void> serve(ConnectionPtr connection);
  asio::awaitable<bool> serve_one(ConnectionPtr connection);
  asio::awaitable<bool> send(ConnectionPtr connection, const Answer& answer, bool keep_alive);
  asio::awaitable<void> watch(ConnectionPtr connection);
  asio::awaitable<void> write_events(ConnectionPtr connection, std::shared_ptr<Watcher> watcher);
  asio::awaitable<void> notice_end(ConnectionPtr connection, std::shared_ptr<Watcher> watcher);

  asio::io_context& loop;
  const ControlOptions options;
  ControlRequests& requests;
  Local::acceptor acceptor;
  Tcp::acceptor page_acceptor;
  Door door;
  Door page_door;
  asio::steady_timer ticker;
  Broadcast broadcast;
  std::set<ConnectionPtr> connections;
  bool listening = false;
  bool closed = false;
};

Status ControlServer::State::listen() {
  const std::filesystem::path& path = options.socket;
  if (path.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorCode::invalid, path.string() + ": longer than a socket's path may be");
  }
  if (auto clear = clear_the_way(path); !clear) return fail(clear.error(), "control socket");
  ErrorOf error;
  const auto failed = [&] { return fail_errno(error.value(), "control socket: " + path.string()); };
  acceptor.open(Local(), error);
  if (!error) acceptor.bind(Local::endpoint(path.native()), error);
  if (error) return failed();
  listening = true;
  // Nobody gets in before listen(), so the mode is in force in time.
  if (::chmod(path.c_str(), 0660) != 0) {
    return fail_errno(errno, "control socket: " + path.string());
  }
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed();
  asio::co_spawn(
      loop, [self = shared_from_this()] { return self->accept(self->acceptor, self->door); },
      asio::detached);
  return {};
}

Status ControlServer::State::listen_for_metrics(const std::string& endpoint) {
  const auto colon = std::min(endpoint.rfind(':'), endpoint.size());
  std::string host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  std::from_chars(endpoint.data() + colon + 1, endpoint.data() + endpoint.size(), port);
  ErrorOf error;
  const auto address = asio::ip::make_address(host, error);
  if (error || !address.is_loopback()) {
    return fail(ErrorCode::invalid,
                "metrics: " + endpoint + " is no address of this machine alone");
  }
  const Tcp::endpoint place(address, port);
  page_acceptor.open(place.protocol(), error);
  if (!error) page_acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) page_acceptor.bind(place, error);
  if (!error) page_acceptor.listen(static_cast<int>(options.page_connections), error);
  if (error) {
    ErrorOf ignored;
    page_acceptor.close(ignored);
    return fail_errno(error.value(), "metrics: " + endpoint);
  }
  log::info("control", "metrics at http://{}:{}/metrics", endpoint.substr(0, colon),
            page_acceptor.local_endpoint().port());
  asio::co_spawn(
      loop,
      [self = shared_from_this()] { return self->accept(self->page_acceptor, self->page_door); },
      asio::detached);
  return {};
}

void ControlServer::State::close() {
  closed = true;
  ErrorOf ignored;
  acceptor.close(ignored);
  page_acceptor.close(ignored);
  door.room.cancel();
  page_door.room.cancel();
  ticker.cancel();
  for (const auto& connection : connections) {
    connection->stream.close();
    connection->wakeup.cancel();
  }
  if (listening) ::unlink(options.socket.c_str());
}

template <typename Acceptor>
asio::awaitable<void> ControlServer::State::accept(Acceptor& from, Door& by) {
  const auto self = shared_from_this();
  while (!closed) {
    if (by.inside >= by.most) {
      co_await by.room.async_wait(awaiting);
      continue;
    }
    auto [error, socket] = co_await from.async_accept(awaiting);
    if (closed) co_return;
    if (error) {
      // Out of descriptors, most likely; some come back when a connection ends.
      asio::steady_timer pause(loop, std::chrono::milliseconds(100));
      co_await pause.async_wait(awaiting);
      continue;
    }
    auto connection = std::make_shared<Connection>(Any::socket(std::move(socket)), by);
    ++by.inside;
    connections.insert(connection);
    asio::co_spawn(
        loop, [self, connection] { return self->serve(connection); }, asio::detached);
  }
}

void ControlServer::State::connection_ended(const ConnectionPtr& connection) {
  connection->stream.close();
  connections.erase(connection);
  --connection->door.inside;
  connection->door.room.cancel();
}

asio::awaitable<void> ControlServer::State::serve(ConnectionPtr connection) {
  const auto self = shared_from_this();
  bool more = true;
  while (more && !closed) more = co_await serve_one(connection);
  connection_ended(connection);
}

// Reads and answers one request; true when the connection may carry another.
asio::awaitable<bool> ControlServer::State::serve_one(ConnectionPtr connection) {
  const bool metrics_only = connection->door.metrics_only;
  http::request_parser<http::string_body> parser;
  parser.header_limit(header_limit);
  parser.body_limit(metrics_only ? 0 : options.body_limit);
  connection->stream.expires_after(options.stall_timeout);
  auto [error, size] =
      co_await http::async_read(connection->stream, connection->input, parser, awaiting);
  if (closed) co_return false;
  if (error) {
    if (const auto refusal = answer_to(error)) co_await send(connection, *refusal, false);
    co_return false;
  }
  const auto request = parser.release();
  if (metrics_only) {
    const Answer page = metrics_page(request.method_string(), request.target(), requests);
    co_return co_await send(connection, page, false);
  }
  Answer given = answer(request.method_string(), request.target(), request.body(), requests);
  if (given.watch && request.version() < 11) {
    given = refuse(400, "invalid", "watch needs HTTP/1.1");
  }
  if (given.watch && broadcast.size() >= options.watchers) {
    given = refuse(503, "unavailable", "too many watchers; end one of them");
  }
  if (given.watch) {
    co_await watch(connection);
    co_return false;
  }
  co_return co_await send(connection, given, request.keep_alive());
}

asio::awaitable<bool> ControlServer::State::send(ConnectionPtr connection, const Answer& answer,
                                                 bool keep_alive) {
  auto response = response_for(answer, keep_alive);
  connection->stream.expires_after(options.stall_timeout);
  auto [error, size] = co_await http::async_write(connection->stream, response, awaiting);
  if (!error && !keep_alive) {
    ErrorOf ignored;
    connection->stream.socket().shutdown(Any::socket::shutdown_send, ignored);
  }
  co_return !error && keep_alive;
}

asio::awaitable<void> ControlServer::State::watch(ConnectionPtr connection) {
  http::response<http::empty_body> head;
  head.version(11);
  head.result(http::status::ok);
  head.set(http::field::content_type, "application/x-ndjson");
  head.keep_alive(false);
  head.chunked(true);
  http::response_serializer<http::empty_body> serializer(head);
  // Joined before the head is written, so that no event falls between it and the first line.
  const auto watcher = broadcast.join([weak = std::weak_ptr(connection)] {
    if (const auto alive = weak.lock()) alive->wakeup.cancel();
  });
  broadcast.greet(*watcher, "status", requests.status());
  connection->stream.expires_after(options.stall_timeout);
  auto [error, size] = co_await http::async_write_header(connection->stream, serializer, awaiting);
  if (!error && !closed) {
    connection->stream.expires_never();
    asio::co_spawn(
        loop,
        [self = shared_from_this(), connection, watcher] {
          return self->notice_end(connection, watcher);
        },
        asio::detached);
    co_await write_events(connection, watcher);
  }
  broadcast.leave(watcher);
}

asio::awaitable<void> ControlServer::State::write_events(ConnectionPtr connection,
                                                         std::shared_ptr<Watcher> watcher) {
  while (!closed && !watcher->dropped && !watcher->gone) {
    if (watcher->lines.empty()) {
      co_await connection->wakeup.async_wait(awaiting);
      continue;
    }
    const auto line = watcher->lines.front();
    watcher->lines.pop_front();
    connection->stream.expires_after(options.stall_timeout);
    const auto chunk = http::make_chunk(asio::buffer(*line));
    auto [error, size] = co_await asio::async_write(connection->stream, chunk, awaiting);
    // Counted until it is written: a watcher that reads nothing holds one line more.
    watcher->bytes -= std::min(watcher->bytes, line->size());
    if (error == beast::error::timeout) watcher->dropped = true;
    if (error) break;
  }
  if (watcher->dropped) log::info("control", "a watcher was dropped: it did not keep up");
}

// A watcher says nothing more; reading finds out when it hangs up.
asio::awaitable<void> ControlServer::State::notice_end(ConnectionPtr connection,
                                                       std::shared_ptr<Watcher> watcher) {
  std::array<char, 256> ignored{};
  for (;;) {
    auto [error, size] =
        co_await connection->stream.async_read_some(asio::buffer(ignored), awaiting);
    if (error) break;
  }
  watcher->gone = true;
  watcher->wake();
}

void ControlServer::State::flush_later() {
  ticker.expires_after(options.progress_interval);
  ticker.async_wait([weak = weak_from_this()](ErrorOf error) {
    const auto self = weak.lock();
    if (self && !error) self->broadcast.flush();
  });
}

ControlServer::ControlServer(asio::io_context& loop, const ControlOptions& options,
                             const Clock& clock, ControlRequests& requests)
    : state_(std::make_shared<State>(loop, options, clock, requests)) {}

ControlServer::~ControlServer() {
  state_->close();
}

Status ControlServer::start() {
  return state_->listen();
}

Status ControlServer::serve_metrics(const std::string& endpoint) {
  return state_->listen_for_metrics(endpoint);
}

void ControlServer::publish_event(const std::string& kind, const std::string& id,
                                  const Json& value) {
  state_->broadcast.event(kind, id, value);
}

void ControlServer::publish_progress(const std::string& kind, const std::string& id, Json value) {
  if (state_->broadcast.progress(kind, id, std::move(value))) state_->flush_later();
}

bool ControlServer::watched() const {
  return state_->broadcast.size() > 0;
}

}  // namespace ferry::control
