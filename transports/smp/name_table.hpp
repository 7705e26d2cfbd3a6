// Which content a name stands for, as far as the server has told devices: open ones with their
// handle, closed ones with their identity. Internal to this room.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "transports/smp/server.hpp"

namespace ferry::smp {

class NameTable {
 public:
  struct Entry {
    std::string name;
    bool open = false;
    Files::Opened content;  // its handle only while open
  };

  NameTable(const ServerOptions& options, Files& files) : options_(options), files_(files) {}
  ~NameTable() { clear(); }
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  // The content that is open under this name, which becomes the one used last; or null.
  const Entry* find(std::string_view name);
  // Binds the name to what was opened, in place of what it stood for.
  const Entry* bind(std::string_view name, Files::Opened content);
  // As bind(), unless the name stood for other bytes: then closes what was opened and gives null.
  const Entry* bind_same(std::string_view name, Files::Opened content);
  void clear();

 private:
  std::list<Entry>::iterator position(std::string_view name);
  void close(Entry& entry);
  void trim();

  const ServerOptions& options_;
  Files& files_;
  std::list<Entry> entries_;  // the one used last in front
};

}  // namespace ferry::smp
