// ferry-tuf-client: a client of The Update Framework, with the command line that the project
// theupdateframework/tuf-conformance calls clients by. Exit status 0 when all was done, 1
// otherwise, then with one line that says why.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "agent/source/tuf/http_fetcher.hpp"
#include "agent/source/tuf/names.hpp"
#include "agent/source/tuf/updater.hpp"
#include "base/file.hpp"

namespace ferry::tuf {
namespace {

constexpr const char* usage =
    "usage: ferry-tuf-client --metadata-dir DIR init ROOT\n"
    "       ferry-tuf-client --metadata-url URL --metadata-dir DIR refresh\n"
    "       ferry-tuf-client --metadata-url URL --metadata-dir DIR --target-name NAME...\n"
    "                        --target-base-url URL --target-dir DIR download\n";

struct Order {
  std::string metadata_url;
  std::string metadata_dir;
  std::vector<std::string> target_names;
  std::string target_base_url;
  std::string target_dir;
  std::vector<std::string> words;  // what is no option: the command and its argument
};

// Read here word by word: names of artifacts may look like anything, brackets and dashes included,
// and no library of command lines leaves all of them alone.
Result<Order> read_order(const std::vector<std::string>& arguments) {
  Order order;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--")) {
      order.words.push_back(word);
      continue;
    }
    if (i + 1 == arguments.size()) return fail(ErrorCode::invalid, word + ": needs a value");
    const std::string& value = arguments[++i];
    if (word == "--metadata-url") {
      order.metadata_url = value;
    } else if (word == "--metadata-dir") {
      order.metadata_dir = value;
    } else if (word == "--target-name") {
      order.target_names.push_back(value);
    } else if (word == "--target-base-url") {
      order.target_base_url = value;
    } else if (word == "--target-dir") {
      order.target_dir = value;
    } else {
      return fail(ErrorCode::invalid, word + ": no such option");
    }
  }
  if (order.words.empty()) return fail(ErrorCode::invalid, "no command");
  return order;
}

std::string with_slash(std::string url) {
  if (!url.ends_with('/')) url.push_back('/');
  return url;
}

Status initialize(const Order& order) {
  if (order.words.size() != 2 || order.metadata_dir.empty()) {
    return fail(ErrorCode::invalid, "init: needs --metadata-dir and the root");
  }
  const Result<std::string> root = read_file(order.words[1], Limits().root);
  if (!root) return fail(root.error());
  FolderKeeper keeper(order.metadata_dir);
  return Updater::provision(keeper, *root);
}

Status run_updater(const Order& order, bool downloads) {
  if (order.metadata_dir.empty() || order.metadata_url.empty()) {
    return fail(ErrorCode::invalid, "needs --metadata-url and --metadata-dir");
  }
  if (downloads &&
      (order.target_names.empty() || order.target_base_url.empty() || order.target_dir.empty())) {
    return fail(ErrorCode::invalid,
                "download: needs --target-name, --target-base-url and --target-dir");
  }
  config::SourceSettings settings;
  settings.url = order.metadata_url;
  Result<source::HttpClient> client = source::HttpClient::open(settings, nullptr);
  if (!client) return fail(client.error());
  HttpFetcher fetcher(*client, Duration(0), std::stop_token());
  FolderKeeper keeper(order.metadata_dir);
  Repository repository;
  repository.metadata_url = with_slash(order.metadata_url);
  Updater updater(std::move(repository), fetcher, keeper);
  Status refreshed = updater.refresh(SystemClock().now());
  if (!refreshed || !downloads) return refreshed;
  for (const std::string& name : order.target_names) {
    const Result<const TargetFile*> target = updater.find(name);
    if (!target) return fail(target.error());
    Status done = updater.download(name, **target, with_slash(order.target_base_url),
                                   std::filesystem::path(order.target_dir) / safe_file_name(name));
    if (!done) return done;
  }
  return {};
}

Status run(const Order& order) {
  const std::string& command = order.words.front();
  if (command == "init") return initialize(order);
  if (order.words.size() == 1 && command == "refresh") return run_updater(order, false);
  if (order.words.size() == 1 && command == "download") return run_updater(order, true);
  return fail(ErrorCode::invalid, command + ": no such command");
}

// Names from a repository may stand in the text; a terminal must not obey them.
std::string one_line(std::string text) {
  for (char& character : text) {
    if (static_cast<unsigned char>(character) < 0x20 || character == 0x7F) character = ' ';
  }
  return text;
}

}  // namespace
}  // namespace ferry::tuf

int main(int argc, char** argv) {
  using namespace ferry::tuf;
  const ferry::Result<Order> order = read_order(std::vector<std::string>(argv + 1, argv + argc));
  if (!order) {
    fmt::print(stderr, "ferry-tuf-client: {}\n{}", one_line(order.error().message), usage);
    return 1;
  }
  const ferry::Status done = run(*order);
  if (done) return 0;
  fmt::print(stderr, "ferry-tuf-client: {}\n", one_line(done.error().message));
  return 1;
}
