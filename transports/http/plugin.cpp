// The transport `http`: serves devices that pull over HTTP, each kind in its own dialect.
#include <fmt/format.h>

#include <stdexcept>

#include "transports/http/server.hpp"
#include "transports/transport.hpp"

namespace ferry::http {
namespace {

Settings settings_or_throw(const plugin::Host& host) {
  auto settings = read_settings(host);
  if (!settings) throw std::invalid_argument(settings.error().message);
  return std::move(*settings);
}

class HttpTransport final : public plugin::Transport {
 public:
  explicit HttpTransport(const plugin::Host& host)
      : host_(host),
        settings_(settings_or_throw(host)),
        resolver_(host),
        service_{settings_, host_, resolver_},
        server_(loop_, service_) {}

  int run() override {
    const auto address = server_.listen();
    if (!address) {
      host_.log(FERRY_ERROR, address.error().message);
      host_.state("failed", address.error().message);
      return 1;
    }
    host_.state("listening", *address);
    loop_.run();
    server_.close();
    return 0;
  }

  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  void changed() override { resolver_.forget(); }

 private:
  plugin::Host host_;
  Settings settings_;
  pull::Resolver resolver_;
  Service service_;
  Loop loop_;
  Server server_;
};

}  // namespace
}  // namespace ferry::http

FERRY_TRANSPORT(ferry::http::HttpTransport)
