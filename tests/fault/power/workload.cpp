#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>

#include "base/file.hpp"
#include "tests/fault/power/promises.hpp"

namespace ferry::power {
namespace {

constexpr std::uint64_t releases_kept = 4;

// Everything here must succeed on a disk that works; the run is worthless otherwise.
template <typename T>
auto must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "workload: {}\n", result.error().message);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Workload {
 public:
  Workload(const std::string& folder, const std::string& marks)
      : marks_(::open(marks.c_str(), O_WRONLY | O_CLOEXEC)) {
    storage::StoreOptions options;
    options.folder = folder;
    options.quota = quota;
    store_ = must(storage::Store::open(options, clock_));
  }

  void round(std::uint64_t number) {
    fetch_and_admit(number);
    deliver(number);
    note_device(number);
    acknowledge_oldest();
    if (number > releases_kept) evict(number - releases_kept);
  }

 private:
  void mark(const std::string& text) {
    const std::string line = text + "\n";
    if (::write(marks_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      std::perror("workload: mark");
      std::exit(1);
    }
  }

  void fetch_and_admit(std::uint64_t number) {
    const auto image = image_of(number);
    const auto file = file_of(number);
    auto writer = must(store_->incoming(pack_of(number), image.size() + file.size()));
    std::uint64_t at = must(writer.begin(Sha256::of(image), image.size())).offset;
    while (at < image.size()) {
      const Bytes rest = Bytes(image).subspan(at);
      const Bytes part = rest.first(std::min<std::size_t>(rest.size(), 100'000));
      must(writer.append(part));
      at += part.size();
      mark(fmt::format("appended {} {}", number, at));
      // The link drops: the pack is left and taken up again.
      if (random_() % 8 == 0) {
        { const storage::PackWriter left = std::move(writer); }
        writer = must(store_->incoming(pack_of(number), image.size() + file.size()));
        at = must(writer.begin(Sha256::of(image), image.size())).offset;
        mark(fmt::format("partial {} {}", number, at));
      }
    }
    must(writer.finish());
    must(writer.begin(Sha256::of(file), file.size()));
    must(writer.append(file));
    must(writer.finish());
    const auto sealed = must(writer.seal(store_->packs_folder()));
    const std::vector<storage::Event> events = {numbered_event()};
    must(store_->releases().admit(release_of(number), sealed, events));
    mark(fmt::format("release {} {} {}", number, Sha256::of(image).hex(), Sha256::of(file).hex()));
    mark(fmt::format("event {}", event_));
  }

  void deliver(std::uint64_t number) {
    storage::Delivery delivery;
    delivery.device = "pump-1";
    delivery.version = std::to_string(number);
    for (const auto state :
         {storage::DeliveryState::transferring, storage::DeliveryState::transferred,
          storage::DeliveryState::installed}) {
      delivery.state = state;
      const std::vector<storage::Event> events = {numbered_event()};
      delivery.id = must(store_->fleet().put(delivery, events));
      mark(fmt::format("delivery {} {}", delivery.id, to_string(state)));
      mark(fmt::format("event {}", event_));
    }
  }

  void note_device(std::uint64_t number) {
    storage::Device device;
    device.id = "pump-1";
    device.version = std::to_string(number);
    must(store_->fleet().put(device));
    mark(fmt::format("device {}", number));
  }

  void acknowledge_oldest() {
    const auto waiting = must(store_->outbox().waiting(0, 3));
    for (const storage::Event& event : waiting) {
      mark("acknowledging " + event.detail);
      must(store_->outbox().acknowledge({event.sequence}));
      mark("acknowledged " + event.detail);
    }
  }

  void evict(std::uint64_t number) {
    mark(fmt::format("evicting {}", number));
    must(store_->releases().evict(release_of(number).release, "room"));
    mark(fmt::format("evicted {}", number));
  }

  storage::Event numbered_event() {
    storage::Event event;
    event.at = clock_.now();
    event.kind = "delivered";
    event.detail = std::to_string(++event_);
    return event;
  }

  SystemClock clock_;
  Descriptor marks_;
  std::unique_ptr<storage::Store> store_;
  std::mt19937 random_{1};
  std::uint64_t event_ = 0;
};

std::vector<std::byte> bytes_of(std::uint64_t seed, std::size_t size) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes((size + 7) / 8 * 8);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::vector<std::byte> image_of(std::uint64_t round) {
  // Every sixth is larger than what one commit holds.
  const std::size_t least = round % 6 == 0 ? storage::PackWriter::commit_bytes + 300'000 : 300'000;
  return bytes_of(round * 2, least + std::mt19937_64(round)() % 2'000'000);
}

std::vector<std::byte> file_of(std::uint64_t round) {
  return bytes_of(round * 2 + 1, 700);
}

std::string pack_of(std::uint64_t round) {
  return "round" + std::to_string(round);
}

storage::HeldRelease release_of(std::uint64_t round) {
  storage::HeldRelease held;
  held.source = "power";
  held.release.product = "pump";
  held.release.version = std::to_string(round);
  held.release.channel = "stable";
  const auto image = image_of(round);
  const auto file = file_of(round);
  held.release.artifacts.resize(2);
  held.release.artifacts[0].name = "image";
  held.release.artifacts[0].size = image.size();
  held.release.artifacts[0].sha256 = Sha256::of(image);
  held.release.artifacts[1].role = formats::Role::file;
  held.release.artifacts[1].name = "file";
  held.release.artifacts[1].dst_path = "file";
  held.release.artifacts[1].size = file.size();
  held.release.artifacts[1].sha256 = Sha256::of(file);
  return held;
}

int work(const std::string& folder, const std::string& marks, int seconds) {
  Workload workload(folder, marks);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (std::uint64_t number = 1; std::chrono::steady_clock::now() < end; ++number) {
    workload.round(number);
  }
  return 0;
}

}  // namespace ferry::power
