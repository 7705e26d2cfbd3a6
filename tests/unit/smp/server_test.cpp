#include "transports/smp/server.hpp"

#include <gtest/gtest.h>

#include <map>

#include "transports/smp/codes.hpp"

namespace ferry::smp {
namespace {

// Files in memory; opens at once, or when the test says so.
class MemoryFiles final : public Files {
 public:
  void open(std::string_view name, OpenCallback done) override {
    ++opened;
    if (later) {
      waiting.emplace_back(std::string(name), std::move(done));
    } else {
      finish(std::string(name), done);
    }
  }
  void finish(const std::string& name, const OpenCallback& done) {
    if (failing) return done(fail(*failing, "as the test wants"));
    const auto found = content.find(name);
    if (found == content.end()) return done(fail(ErrorCode::not_found, name));
    Opened result;
    result.handle = next++;
    result.size = found->second.size();
    if (digests) result.sha256 = Sha256::of(as_bytes(found->second));
    result.identity = Sha256::of(as_bytes(found->second)).hex();
    open_now[result.handle] = found->second;
    done(std::move(result));
  }
  void finish_all() {
    auto all = std::exchange(waiting, {});
    for (const auto& [name, done] : all) finish(name, done);
  }
  Status read(std::uint64_t handle, std::uint64_t offset, std::span<std::byte> out) override {
    if (unreadable) return fail(ErrorCode::corrupt, "as the test wants");
    const Bytes from =
        as_bytes(open_now.at(handle)).subspan(static_cast<std::size_t>(offset), out.size());
    std::copy(from.begin(), from.end(), out.begin());
    return {};
  }
  void close(std::uint64_t handle) override { EXPECT_EQ(open_now.erase(handle), 1U); }

  std::map<std::string, std::string> content;
  std::map<std::uint64_t, std::string> open_now;
  std::vector<std::pair<std::string, OpenCallback>> waiting;
  std::optional<ErrorCode> failing;
  bool later = false;
  bool digests = true;
  bool unreadable = false;
  int opened = 0;
  std::uint64_t next = 1;
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    for (unsigned i = 0; i < 1000; ++i) content += static_cast<char>(i * 7);
    files.content["/f.bin"] = content;
    server = std::make_unique<Server>(options, files);
  }

  std::string request(std::uint16_t group, std::uint8_t command, const Json& body,
                      Op op = Op::read) {
    Header header;
    header.op = op;
    header.version = version;
    header.group = group;
    header.command = command;
    header.sequence = sequence++;
    const std::vector<std::uint8_t> raw = Json::to_cbor(body);
    return encode(header, std::string(raw.begin(), raw.end()));
  }
  // The one answer to a request.
  Json ask(const std::string& packet) {
    server->received(as_bytes(packet), now);
    while (server->hashing()) server->step();
    return answer();
  }
  Json ask(std::uint16_t group, std::uint8_t command, const Json& body, Op op = Op::read) {
    return ask(request(group, command, body, op));
  }
  Json answer() {
    const std::optional<std::string> out = server->next_output();
    if (!out) return nullptr;
    EXPECT_LE(out->size(), options.answer_limit);
    last = *out;
    return decode(as_bytes(*out)).value().body;
  }
  Json download(std::string_view name, std::uint64_t offset) {
    return ask(group::files, command::file_transfer, {{"name", name}, {"off", offset}});
  }
  static std::string data_of(const Json& body) {
    const auto& raw = body.at("data").get_binary();
    return {raw.begin(), raw.end()};
  }
  std::string download_all(std::string_view name) {
    std::string all;
    std::uint64_t size = 1;
    while (all.size() < size) {
      const Json body = download(name, all.size());
      if (all.empty()) size = body.at("len").get<std::uint64_t>();
      EXPECT_EQ(body.at("off"), all.size());
      EXPECT_EQ(body.contains("len"), all.empty());
      all += data_of(body);
    }
    return all;
  }

  std::string content;
  MemoryFiles files;
  ServerOptions options;
  std::unique_ptr<Server> server;
  TimePoint now{};
  std::uint8_t sequence = 0;
  std::uint8_t version = 0;
  std::string last;
};

TEST_F(ServerTest, ServesAFileInPiecesThatFit) {
  EXPECT_EQ(download_all("/f.bin"), content);
  EXPECT_EQ(files.opened, 1);
  EXPECT_GT(last.size(), 8U);
  download("/f.bin", 100);
  EXPECT_GE(last.size(), options.answer_limit - 4);
}

TEST_F(ServerTest, AnEmptyFileHasAnEmptyFirstPiece) {
  files.content["/empty"] = "";
  const Json body = download("/empty", 0);
  EXPECT_EQ(body.at("len"), 0);
  EXPECT_TRUE(data_of(body).empty());
}

TEST_F(ServerTest, AnOffsetBeyondTheEndIsRefused) {
  EXPECT_TRUE(data_of(download("/f.bin", content.size())).empty());
  EXPECT_EQ(download("/f.bin", content.size() + 1).at("rc"), 3);
  version = 1;
  const Json refused = download("/f.bin", ~std::uint64_t{0});
  EXPECT_EQ(refused.at("err").at("group"), 8);
  EXPECT_EQ(refused.at("err").at("rc"), 12);
}

TEST_F(ServerTest, AnUnknownNameIsRefusedInTheRequestsVersion) {
  EXPECT_EQ(download("/other", 0).at("rc"), 5);
  version = 1;
  EXPECT_EQ(download("/other", 0).at("err").at("rc"), 3);
}

TEST_F(ServerTest, TellsStatusAndHashes) {
  EXPECT_EQ(ask(group::files, command::file_status, {{"name", "/f.bin"}}).at("len"),
            content.size());
  EXPECT_TRUE(files.open_now.empty());
  const Sha256 sha = Sha256::of(as_bytes(content));
  for (const bool known : {true, false}) {
    files.digests = known;
    const Json body = ask(group::files, command::file_hash,
                          {{"name", known ? "/f.bin" : "/f.bin"}, {"type", "sha256"}});
    EXPECT_EQ(body.at("type"), "sha256");
    EXPECT_EQ(body.at("len"), content.size());
    const auto& raw = body.at("output").get_binary();
    EXPECT_TRUE(std::equal(raw.begin(), raw.end(),
                           reinterpret_cast<const std::uint8_t*>(sha.bytes.data())));
    server = std::make_unique<Server>(options, files);
  }
}

TEST_F(ServerTest, HashesAPartInSlices) {
  options.hash_slice = 100;
  files.content["/n"] = "xx123456789yy";
  server = std::make_unique<Server>(options, files);
  const Json body = ask(group::files, command::file_hash,
                        {{"name", "/n"}, {"type", "crc32"}, {"off", 2}, {"len", 9}});
  EXPECT_EQ(body.at("output"), 0xCBF43926U);
  EXPECT_EQ(body.at("off"), 2);
  EXPECT_EQ(body.at("len"), 9);
  server->received(as_bytes(request(group::files, command::file_hash,
                                    {{"name", "/f.bin"}, {"type", "sha256"}, {"off", 1}})),
                   now);
  int steps = 0;
  for (; server->hashing(); ++steps) server->step();
  EXPECT_EQ(steps, 10);
  EXPECT_EQ(answer().at("len"), content.size() - 1);
  EXPECT_EQ(ask(group::files, command::file_hash, {{"name", "/n"}, {"type", "md5"}}).at("rc"), 3);
}

TEST_F(ServerTest, WritingIsDenied) {
  const Json data = {{"name", "/f.bin"}, {"off", 0}, {"data", Json::binary({1})}, {"len", 1}};
  EXPECT_EQ(ask(group::files, command::file_transfer, data, Op::write).at("rc"), 11);
  EXPECT_EQ(ask(group::image, command::image_upload, data, Op::write).at("rc"), 11);
  EXPECT_EQ(ask(group::image, command::image_erase, Json::object(), Op::write).at("rc"), 11);
  EXPECT_EQ(ask(group::image, command::image_state, {{"confirm", true}}, Op::write).at("rc"), 11);
  EXPECT_EQ(ask(group::os, command::os_reset, Json::object(), Op::write).at("rc"), 11);
  EXPECT_EQ(files.opened, 0);
}

TEST_F(ServerTest, WhatItDoesNotKnowItSaysSo) {
  EXPECT_EQ(ask(9, 0, Json::object()).at("rc"), 8);
  EXPECT_EQ(ask(65535, 255, Json::object(), Op::write).at("rc"), 8);
  EXPECT_EQ(ask(group::os, 99, Json::object()).at("rc"), 8);
  EXPECT_EQ(ask(group::image, command::image_state, Json::object()).at("rc"), 8);
}

TEST_F(ServerTest, EchoesAndTellsItsParameters) {
  EXPECT_EQ(ask(group::os, command::os_echo, {{"d", "ping"}}, Op::write).at("r"), "ping");
  EXPECT_EQ(ask(group::os, command::os_echo, {{"d", 1}}, Op::write).at("rc"), 3);
  const Json parameters = ask(group::os, command::os_parameters, Json::object());
  EXPECT_EQ(parameters.at("buf_size"), 384);
  EXPECT_EQ(parameters.at("buf_count"), 4);
  options.parameters.buffer_size = 1000;
  server = std::make_unique<Server>(options, files);
  EXPECT_EQ(ask(group::os, command::os_echo, {{"d", std::string(500, 'x')}}, Op::write).at("rc"),
            7);
}

TEST_F(ServerTest, ShowsAsManyImagesAsFit) {
  options.images = [] {
    std::vector<ImageSlot> slots(40);
    for (auto& slot : slots) {
      slot.version = "1.2.3";
      slot.hash = std::string(32, 'h');
      slot.active = true;
    }
    return slots;
  };
  server = std::make_unique<Server>(options, files);
  const Json state = ask(group::image, command::image_state, Json::object());
  EXPECT_GT(state.at("images").size(), 2U);
  const auto slots = image_slots_in(state);
  ASSERT_TRUE(slots);
  EXPECT_EQ(slots->front().version, "1.2.3");
  EXPECT_TRUE(slots->front().active);
  EXPECT_FALSE(slots->front().pending);
}

TEST_F(ServerTest, ARepeatedRequestGetsTheVeryAnswer) {
  const std::string packet =
      request(group::files, command::file_transfer, {{"name", "/f.bin"}, {"off", 0}});
  ask(packet);
  const std::string first = last;
  files.content["/f.bin"] = "other";
  ask(packet);
  EXPECT_EQ(last, first);
  EXPECT_EQ(files.opened, 1);
  // Later it is meant in earnest.
  now += options.repeat_window;
  EXPECT_EQ(ask(packet).at("len"), 5);
}

TEST_F(ServerTest, AFileThatChangesIsServedAsItBegan) {
  const std::string first = data_of(download("/f.bin", 0));
  files.content["/f.bin"] = std::string(1000, 'n');
  EXPECT_EQ(data_of(download("/f.bin", first.size())),
            content.substr(first.size(), data_of(download("/f.bin", first.size())).size()));
  EXPECT_EQ(data_of(download("/f.bin", 0))[0], 'n');
  EXPECT_EQ(data_of(download("/f.bin", 500))[0], 'n');
}

TEST_F(ServerTest, AFileThatChangedWhileItWasClosedIsRefused) {
  options.open_limit = 2;
  server = std::make_unique<Server>(options, files);
  download("/f.bin", 0);
  files.content["/a"] = files.content["/b"] = files.content["/c"] = "small";
  for (const char* name : {"/a", "/b", "/c"}) download(name, 0);
  EXPECT_EQ(files.open_now.size(), 2U);
  EXPECT_EQ(data_of(download("/f.bin", 500))[0], content[500]);  // the same: goes on
  for (const char* name : {"/a", "/b", "/c"}) download(name, 0);
  files.content["/f.bin"] = std::string(1000, 'n');
  EXPECT_EQ(download("/f.bin", 600).at("rc"), 3);
  version = 1;
  EXPECT_EQ(download("/f.bin", 600).at("err").at("rc"), 11);
  EXPECT_EQ(data_of(download("/f.bin", 0))[0], 'n');
  EXPECT_LE(files.open_now.size(), 2U);
}

TEST_F(ServerTest, NamesAreForgottenBeyondTheLimit) {
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "/n" + std::to_string(i);
    files.content[name] = "x";
    download(name, 0);
  }
  EXPECT_LE(files.open_now.size(), options.open_limit);
  server.reset();
  EXPECT_TRUE(files.open_now.empty());
}

TEST_F(ServerTest, AnswersThatTakeTimeComeWhenTheyAreReady) {
  files.later = true;
  const std::string packet =
      request(group::files, command::file_transfer, {{"name", "/f.bin"}, {"off", 0}});
  EXPECT_EQ(ask(packet), nullptr);
  EXPECT_EQ(ask(packet), nullptr);  // repeated: one answer
  EXPECT_EQ(files.opened, 1);
  files.finish_all();
  EXPECT_EQ(answer().at("len"), content.size());
  EXPECT_EQ(answer(), nullptr);
}

TEST_F(ServerTest, MoreThanItCanHoldIsBusy) {
  files.later = true;
  for (std::size_t i = 0; i < options.pending_limit; ++i) EXPECT_EQ(download("/f.bin", 0), nullptr);
  EXPECT_EQ(download("/f.bin", 0).at("rc"), 10);
  files.finish_all();
  int answers = 0;
  while (answer() != nullptr) ++answers;
  EXPECT_EQ(answers, static_cast<int>(options.pending_limit));
}

TEST_F(ServerTest, AnAnswerAfterItsEndIsHarmless) {
  files.later = true;
  download("/f.bin", 0);
  server.reset();
  const auto waiting = std::exchange(files.waiting, {});
  waiting[0].second(fail(ErrorCode::not_found, "gone"));
}

TEST_F(ServerTest, WhatFailsBehindItHasItsCode) {
  files.failing = ErrorCode::unavailable;
  const std::string packet =
      request(group::files, command::file_transfer, {{"name", "/f.bin"}, {"off", 0}});
  EXPECT_EQ(ask(packet).at("rc"), 10);
  files.failing.reset();
  EXPECT_EQ(ask(packet).at("len"), content.size());  // "busy" is not kept
  files.unreadable = true;
  EXPECT_EQ(download("/f.bin", 10).at("rc"), 1);
  version = 1;
  EXPECT_EQ(download("/f.bin", 10).at("err").at("rc"), 7);
}

TEST_F(ServerTest, HostileRequestsAreRefusedOrIgnored) {
  EXPECT_EQ(download("", 0).at("rc"), 3);
  EXPECT_EQ(download(std::string(257, 'n'), 0).at("rc"), 3);
  EXPECT_EQ(ask(group::files, command::file_transfer, {{"name", 7}, {"off", 0}}).at("rc"), 3);
  EXPECT_EQ(ask(group::files, command::file_transfer, {{"name", "/f.bin"}}).at("rc"), 3);
  EXPECT_EQ(ask(group::files, command::file_transfer, {{"name", "/f.bin"}, {"off", -1}}).at("rc"),
            3);
  EXPECT_EQ(ask(encode({Op::read, 0, 8, 200, 0}, "\x80")).at("rc"), 3);
  EXPECT_EQ(ask(encode({Op::read, 2, 8, 201, 0}, "\xA0")).at("rc"), 13);
  EXPECT_EQ(ask(encode({Op::read_answer, 0, 0, 1, 0}, "\xA0")), nullptr);
  EXPECT_EQ(ask("short"), nullptr);
  EXPECT_EQ(ask(encode({}, std::string(385, '\xA0'))), nullptr);
}

TEST_F(ServerTest, TellsWhatItServed) {
  std::uint64_t served = 0;
  options.served = [&](std::string_view name, std::uint64_t, std::uint64_t offset,
                       std::uint64_t length) {
    EXPECT_EQ(name, "/f.bin");
    EXPECT_EQ(offset, served);
    served += length;
  };
  server = std::make_unique<Server>(options, files);
  download_all("/f.bin");
  EXPECT_EQ(served, content.size());
}

}  // namespace
}  // namespace ferry::smp
