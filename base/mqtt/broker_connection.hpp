// One connection to the broker, from the TCP handshake to its end. libmosquitto stays inside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace ferry::mqtt {

// Where the broker is, and what it and we show each other.
struct Broker {
  std::string host;
  std::uint16_t port = 8883;
  bool tls = true;
  std::filesystem::path ca_file;  // empty: the system's certificates
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
  std::string user;
  std::string password;  // "" the one in the file
  std::filesystem::path password_file;
  std::size_t message_limit = 16U << 10U;  // bytes of the longest message that is taken
};

// Who connects, and what the broker says when it is lost.
struct Identity {
  std::string client_id;
  std::string will_topic;  // "" the broker says nothing
  std::string will_payload;
  // The broker keeps subscriptions, and messages for them, while this client is away.
  bool lasting = false;
};

// A message from the broker.
struct Received {
  std::string topic;
  std::string payload;  // "" when it is too large
  bool retained = false;
  bool too_large = false;
};

// Used by one thread, which has SIGPIPE blocked: OpenSSL writes without MSG_NOSIGNAL.
class BrokerConnection {
  struct State;

 public:
  // Reads the password file, resolves and connects; blocks for as long as the operating system
  // tries. The broker's word comes later, see accepted(). ErrorCode::denied and ErrorCode::invalid
  // are settings that need someone's hand, others may pass.
  static Result<BrokerConnection> open(const Broker& broker, const Identity& identity);
  BrokerConnection(BrokerConnection&&) noexcept;
  BrokerConnection& operator=(BrokerConnection&&) noexcept;
  ~BrokerConnection();  // cuts the connection: the will is published

  int descriptor() const;    // to poll for reading
  bool wants_write() const;  // and for writing
  // Reads, writes and keeps alive as far as that goes without blocking. An error is the
  // connection's end.
  Status step();
  bool accepted() const;
  // QoS 1; gives the message's number until its acknowledgement.
  Result<int> publish(const std::string& topic, const std::string& payload, bool retain);
  // QoS 1; gives the number under which take_answered() tells the broker's answer.
  Result<int> subscribe(const std::string& topic);
  // Subscriptions that the broker answered since the last call.
  struct Answered {
    int number = 0;
    bool granted = false;
  };
  std::vector<Answered> take_answered();
  // What came since the last call, oldest first: at most most_received.
  static constexpr std::size_t most_received = 256;
  std::vector<Received> take_received();
  // Messages thrown away since the last call: more came than are kept.
  std::uint64_t take_lost();
  // Numbers of messages that the broker acknowledged since the last call, in that order.
  std::vector<int> take_acknowledged();
  // An orderly end: the broker forgets the will.
  void disconnect();

  // What is published while one lives leaves together: in as few packets of TCP as it fits into, at
  // the latest after 0.2 s. The connection outlives it and is not moved meanwhile.
  class Bundle {
   public:
    explicit Bundle(BrokerConnection& connection);
    ~Bundle();
    Bundle(const Bundle&) = delete;
    Bundle& operator=(const Bundle&) = delete;

   private:
    State& state_;
  };

 private:
  explicit BrokerConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Waits until the connection can go on, `wake` (an eventfd, then reset) is set, or the time is
// over; false when it was only the connection.
bool wait_for(const BrokerConnection& connection, int wake, Duration longest);

}  // namespace ferry::mqtt
