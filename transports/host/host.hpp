// The host's thread: carries messages between agent and plugin until one of them ends.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/link.hpp"
#include "transports/host/services.hpp"
#include "transports/transport.h"

namespace ferry::host {

// Lives until the process ends: the plugin's thread may outlast run().
class Host {
 public:
  Host(link::Link& link, Mailbox& mailbox, Services& services);

  // Starts the plugin on its thread and serves it. Gives the process's exit status: 0 after the
  // agent's stop or end, 1 when the plugin or the agent failed (logged).
  int run(ferry_transport_entry entry);
  // The same without a plugin: sends what there is to say and gives `status`.
  int end(int status);

 private:
  using Function = void (*)(void* argument);
  using Instant = std::chrono::steady_clock::time_point;

  void run_plugin(ferry_transport_entry entry);
  void post(Function function, void* argument);
  void hand_over_ports();
  void wait();
  void receive();
  void send();
  void answer_refusals();
  void notice_plugin();
  void stop();
  void finish(int status);
  void send_the_rest();

  // `descriptors` came beside it; those that nobody takes are closed.
  void handle(formats::link::FromAgent message, std::vector<Descriptor> descriptors);
  void on(formats::link::Settings&& message);
  void on(formats::link::OfferReply&& reply);
  void on(formats::link::ArtifactReply&& reply);
  void on(formats::link::OutcomeReply&& reply);
  void on(formats::link::Changed&& message);
  void on(formats::link::Withdrawn&& message);
  void on(formats::link::Ping&& message);
  void on(formats::link::Stop&& message);
  void on(formats::link::StepReply&& reply);
  void on(formats::link::Cancel&& message);
  void on(formats::link::Port&& message);
  void on(formats::link::MirrorReply&& reply);
  void give_artifact(const Asked& asked, formats::link::ArtifactReply reply);

  link::Link& link_;
  Mailbox& mailbox_;
  Services& services_;
  const ferry_transport* transport_ = nullptr;     // set once the host's thread has noticed it
  std::vector<std::pair<Function, void*>> early_;  // posts that came before
  std::optional<Instant> stop_deadline_;
  std::optional<int> status_;                              // set: the end
  std::vector<Descriptor> descriptors_;                    // of the message being handled
  std::vector<std::pair<std::string, Descriptor>> ports_;  // for a plugin that is not ready yet

  // Written by the plugin's thread.
  std::atomic<const ferry_transport*> started_ = nullptr;
  std::atomic<bool> returned_ = false;
  std::atomic<int> plugin_result_ = 0;
  // Posted and not run yet, so that a plugin that is slow is not posted more of the same.
  std::atomic<bool> ping_posted_ = false;
  std::atomic<bool> change_posted_ = false;
};

}  // namespace ferry::host
