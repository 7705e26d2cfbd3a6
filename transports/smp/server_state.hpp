// The inside of the server. Internal to this room.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "transports/smp/answer_cache.hpp"
#include "transports/smp/codes.hpp"
#include "transports/smp/name_table.hpp"
#include "transports/smp/server.hpp"

namespace ferry::smp {

// A checksum as the file-system group names them.
class FileHash {
 public:
  // Null for a type that is not known.
  static std::optional<FileHash> of_type(std::string_view type);

  void update(Bytes content);
  void write(formats::CborWriter& out) const;  // the value alone
  bool is_sha256() const { return sha256_.has_value(); }

 private:
  std::optional<Digester> sha256_;
  std::uint32_t crc32_ = 0xFFFFFFFFU;
};

class Server::Implementation : public std::enable_shared_from_this<Server::Implementation> {
 public:
  Implementation(ServerOptions options, Files& files)
      : options_(std::move(options)),
        files_(files),
        names_(options_, files),
        cache_(options_.repeat_answers, options_.repeat_window) {}

  void received(Bytes packet, TimePoint now);
  std::optional<std::string> next_output();
  bool hashing() const { return !jobs_.empty(); }
  void step();
  void forget_answers() { cache_.clear(); }

 private:
  enum class Kind { download, status, hash };
  struct Asked {
    std::uint64_t id = 0;
    Kind kind = Kind::download;
    Header header;
    std::string request;  // the packet
    std::string name;
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;  // to hash; nothing for all
    std::string type;                     // of the hash
  };
  struct Job {  // bytes being hashed
    Asked asked;
    std::uint64_t handle = 0;
    std::uint64_t at = 0;
    std::uint64_t end = 0;
    FileHash hash;
  };

  // server_state.cpp
  void dispatch(const Packet& packet, Bytes request);
  void dispatch_os(const Packet& packet, Bytes request);
  void dispatch_image(const Packet& packet, Bytes request);
  void echo(const Packet& packet, Bytes request);
  void tell_parameters(const Header& header, Bytes request);
  void tell_images(const Header& header, Bytes request);
  void answer(const Header& header, Bytes request, const std::string& body);
  void refuse(const Header& header, Bytes request, Code code);
  void refuse_file(const Asked& asked, FileCode code);
  // server_files.cpp
  void dispatch_files(const Packet& packet, Bytes request);
  bool is_waiting(Bytes request) const;
  void open_for(Asked asked);
  void opened(std::uint64_t id, Result<Files::Opened> content);
  void open_failed(const Asked& asked, const Error& error);
  void tell_status(const Asked& asked, const Files::Opened& content);
  void serve(const Asked& asked, const NameTable::Entry& entry);
  std::size_t room_for_data(const Asked& asked, std::uint64_t size) const;
  void start_hash(Asked asked, const NameTable::Entry& entry);
  void tell_hash(const Job& job);

  ServerOptions options_;
  Files& files_;
  NameTable names_;
  AnswerCache cache_;
  TimePoint now_;
  std::uint64_t next_id_ = 1;
  std::deque<Asked> opening_;
  std::deque<Job> jobs_;  // the first one is being worked on
  std::deque<std::string> answers_;
};

}  // namespace ferry::smp
