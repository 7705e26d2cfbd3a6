// Reads from a sealed pack against pread(2) of a plain file, and ingest into a pack against writing
// a file, syncing it and hashing it: storage.py prints the ratios.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <vector>

#include "base/file.hpp"
#include "storage/pack.hpp"

namespace {

using namespace ferry;
namespace fs = std::filesystem;

constexpr std::size_t image_size = 64U << 20U;

std::vector<std::byte> random_image() {
  std::mt19937_64 random(1);
  std::vector<std::byte> image(image_size);
  for (std::size_t at = 0; at < image.size(); at += 8) {
    const std::uint64_t word = random();
    std::memcpy(image.data() + at, &word, sizeof word);
  }
  return image;
}

void require(bool good, const char* what) {
  if (good) return;
  fmt::print(stderr, "storage_bench: {} failed\n", what);
  std::exit(1);
}

// A folder with the image as a plain file and as a sealed pack.
class Bench {
 public:
  Bench() : image(random_image()), name(Sha256::of(image)) {
    std::string pattern = (fs::temp_directory_path() / "ferry-bench-XXXXXX").string();
    require(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    folder = pattern;
    fs::create_directory(folder / "packs");
    ingest("image");
    write_file("plain");
  }
  ~Bench() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void ingest(const std::string& pack) {
    auto writer = storage::PackWriter::open(folder / pack);
    require(writer && writer->begin(name, image.size()), "opening a pack");
    for (std::size_t at = 0; at < image.size(); at += 16'384) {
      require(writer->append(Bytes(image).subspan(at, 16'384)).has_value(), "append");
    }
    require(writer->finish().has_value(), "finish");
    const auto sealed = writer->seal(folder / "packs");
    require(sealed.has_value(), "seal");
    artifact = sealed->front();
  }
  void write_file(const std::string& file) {
    const Descriptor out(::open((folder / file).c_str(), O_RDWR | O_CREAT | O_TRUNC, 0640));
    for (std::size_t at = 0; at < image.size(); at += 16'384) {
      require(::write(out.get(), image.data() + at, 16'384) == 16'384, "write");
    }
    require(::fsync(out.get()) == 0, "fsync");
    Digester digester(Algorithm::sha256);
    std::vector<std::byte> buffer(65'536);
    for (off_t at = 0; at < static_cast<off_t>(image.size()); at += 65'536) {
      require(::pread(out.get(), buffer.data(), buffer.size(), at) == 65'536, "pread");
      digester.update(buffer);
    }
    require(digester.sha256() == name, "the hash");
  }

  std::vector<std::byte> image;
  Sha256 name;
  fs::path folder;
  storage::StoredArtifact artifact;
};

Bench& bench() {
  static Bench made;
  return made;
}

// Ranges at random places; the seed makes both sides read the same ones.
std::uint64_t random_offset(std::mt19937_64& random, std::size_t size) {
  return random() % (image_size - size);
}

void pack_read(benchmark::State& state) {
  storage::PackReader reader(bench().folder / "packs");
  std::vector<std::byte> out(static_cast<std::size_t>(state.range(0)));
  // The first read of each chunk is checked; that is measured by itself below.
  std::vector<std::byte> whole(image_size);
  require(reader.read(bench().artifact, 0, whole).has_value(), "read");
  std::mt19937_64 random(2);
  for (auto _ : state) {
    require(reader.read(bench().artifact, random_offset(random, out.size()), out).has_value(),
            "read");
    benchmark::DoNotOptimize(out.data());
  }
}

void file_read(benchmark::State& state) {
  const Descriptor file(::open((bench().folder / "plain").c_str(), O_RDONLY));
  std::vector<std::byte> out(static_cast<std::size_t>(state.range(0)));
  std::mt19937_64 random(2);
  for (auto _ : state) {
    const auto offset = static_cast<off_t>(random_offset(random, out.size()));
    require(::pread(file.get(), out.data(), out.size(), offset) == static_cast<ssize_t>(out.size()),
            "pread");
    benchmark::DoNotOptimize(out.data());
  }
}

void pack_first_read(benchmark::State& state) {
  std::vector<std::byte> whole(image_size);
  for (auto _ : state) {
    storage::PackReader reader(bench().folder / "packs");
    require(reader.read(bench().artifact, 0, whole).has_value(), "read");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * image_size));
}

void pack_ingest(benchmark::State& state) {
  for (auto _ : state) {
    bench().ingest("ingest");
    state.PauseTiming();
    fs::remove(bench().folder / "packs" / bench().artifact.pack);
    bench().artifact.pack = "image";
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * image_size));
}

void file_ingest(benchmark::State& state) {
  for (auto _ : state) bench().write_file("written");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * image_size));
}

BENCHMARK(pack_read)->Arg(512)->Arg(4096)->Arg(65'536);
BENCHMARK(file_read)->Arg(512)->Arg(4096)->Arg(65'536);
BENCHMARK(pack_first_read)->Unit(benchmark::kMillisecond);
BENCHMARK(pack_ingest)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);
BENCHMARK(file_ingest)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace

BENCHMARK_MAIN();
