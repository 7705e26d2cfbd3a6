// The listening socket and the connections that come of it.
#pragma once

#include <memory>
#include <vector>

#include "transports/http/connection.hpp"

namespace ferry::http {

// Lives on the loop's thread.
class Server final : private Waiter, private Owner {
 public:
  Server(Loop& loop, Service& service);
  ~Server();

  // Binds and listens; gives the address with the real port, "127.0.0.1:8000".
  Result<std::string> listen();
  // Breaks off what is half way.
  void close();

 private:
  void readable() override { accept(); }
  void writable() override {}
  void released() override {}
  void closed(Connection& connection) override;

  void accept();
  bool accept_one();
  bool knocking() const;
  Connection* spare();
  void pause();
  void tick();
  void arm();
  Duration tick_period() const;

  Loop& loop_;
  Service& service_;
  Watch listener_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;  // all there ever were at once, reused
  std::vector<Connection*> spare_;
  bool paused_ = false;  // no room for another connection
  bool armed_ = false;   // a tick is coming
};

}  // namespace ferry::http
