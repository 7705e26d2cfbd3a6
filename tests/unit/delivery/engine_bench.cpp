#include "tests/unit/delivery/engine_bench.hpp"

namespace ferry::agent::testing {
namespace {

void append(std::vector<std::byte>& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    out.push_back(std::byte(i < 8 ? value >> (8U * i) & 0xFFU : 0));
}

}  // namespace

Image make_image(unsigned seed) {
  const auto body = storage::testing::random_bytes(5000, seed);
  Image image;
  std::vector<std::byte>& out = image.content;
  append(out, 0x96f3b83d, 4);
  append(out, 0, 4);
  append(out, 32, 2);
  append(out, 0, 2);
  append(out, body.size(), 4);
  append(out, 0, 16);
  out.insert(out.end(), body.begin(), body.end());
  const Sha256 hash = Sha256::of(out);
  image.name = hash.hex();
  append(out, 0x6907, 2);
  append(out, 4 + 4 + 32, 2);
  append(out, 0x10, 2);
  append(out, 32, 2);
  const Bytes raw(hash.bytes);
  out.insert(out.end(), raw.begin(), raw.end());
  return image;
}

EngineTest::EngineTest() {
  ::setenv("TZ", "UTC", 1);
  settings.name = "pump";
  settings.retry_delay = std::chrono::minutes(1);
  open();
  restart();
}

void EngineTest::release(const std::string& version) {
  const Image image = make_image(static_cast<unsigned>(names.size()) + 1);
  names[version] = image.name;
  ASSERT_OK(admit(version, {image.content}, "pack-" + version));
  read_catalog();
}

void EngineTest::read_catalog() {
  desk->set_view(std::make_shared<catalog::View>(store->releases().all().value(),
                                                 store->releases().artifacts().value(),
                                                 std::map<std::string, config::VersionOrder>{}));
}

void EngineTest::restart() {
  worker.drain();
  if (desk) desk->flush();
  worker.drain();
  DeskEvents events;
  events.wake_in = [this](Duration in) { wakes.push_back(in); };
  events.cancel_step = [this](const std::string&, std::uint64_t id) { cancelled.push_back(id); };
  desk = std::make_unique<Desk>(worker, *store, time, std::vector{settings}, events);
  ASSERT_OK(desk->load());
  read_catalog();
}

int EngineTest::ask_result(const ToldDevice& device, const std::string& transport) {
  formats::link::AskStep ask;
  ask.id = 1;
  ask.device = device.claim();
  int result = -1;
  desk->next(transport, ask, [&](StepReply reply) { result = reply.result; });
  worker.drain();
  return result;
}

std::optional<StepReply> EngineTest::ask(const ToldDevice& device, const std::string& transport) {
  formats::link::AskStep ask;
  ask.id = 1;
  ask.device = device.claim();
  ask.want = {"mcuboot"};
  std::optional<StepReply> answered;
  int answers = 0;
  desk->next(transport, ask, [&](StepReply reply) {
    ++answers;
    if (reply.result == FERRY_OK) answered = std::move(reply);
  });
  worker.drain();
  EXPECT_EQ(answers, 1);
  return answered;
}

bool EngineTest::offered(const ToldDevice& device) {
  formats::link::AskOffer ask;
  ask.id = 1;
  ask.device = device.claim();
  int result = -1;
  desk->offer("wifi", ask, [&](formats::link::OfferReply reply) { result = reply.result; });
  worker.drain();
  EXPECT_NE(result, -1);
  return result == FERRY_OK;
}

void EngineTest::acknowledge(const ToldDevice& device, const StepReply& step, std::uint64_t bytes) {
  formats::link::Progress message;
  message.device = device.claim();
  message.sha256 = step.offer->artifacts.at(0).sha256;
  message.length = bytes;
  desk->progress("serial", message);
  worker.drain();
}

void EngineTest::end(const ToldDevice& device, const StepReply& step, OutcomeKind kind,
                     const std::string& transport) {
  formats::link::Outcome message;
  message.id = 2;
  message.device = device.claim();
  message.delivery = step.offer->delivery;
  message.kind = kind;
  message.detail = "as the device said";
  int answers = 0;
  desk->outcome(transport, message, [&](formats::link::OutcomeReply reply) {
    ++answers;
    EXPECT_EQ(reply.result, FERRY_OK);
  });
  worker.drain();
  EXPECT_EQ(answers, 1);
}

bool EngineTest::obey(ToldDevice& device) {
  const auto step = ask(device);
  if (!step) return false;
  const std::string& name = names.at(step->offer->version);
  switch (step->step) {
    case StepKind::transfer:
      EXPECT_EQ(step->offer->artifacts.at(0).digests.at("mcuboot"), name);
      acknowledge(device, *step, 100);
      device.staged = name;
      end(device, *step, OutcomeKind::transferred);
      break;
    case StepKind::activate:
      end(device, *step, OutcomeKind::activated);
      device.swap();
      break;
    case StepKind::confirm:
      device.state = ImageState::confirmed;
      end(device, *step, OutcomeKind::confirmed);
      break;
  }
  return true;
}

DeliveryState EngineTest::bring(ToldDevice& device) {
  for (int i = 0; i < 5 && obey(device); ++i) {
  }
  return row(device.id).state;
}

std::vector<Delivery> EngineTest::rows() {
  worker.drain();
  auto all = store->fleet().deliveries(1000).value();
  std::reverse(all.begin(), all.end());
  return all;
}

Delivery EngineTest::row(const std::string& device) {
  Delivery newest;
  for (const Delivery& delivery : rows()) {
    if (delivery.device == device) newest = delivery;
  }
  return newest;
}

Result<Delivery> EngineTest::order(Order order, const std::string& device) {
  auto done = desk->order(row(device).id, order);
  worker.drain();
  return done;
}

}  // namespace ferry::agent::testing
