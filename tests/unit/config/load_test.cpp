// load(): files, drop-ins and the settings that come out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/settings.hpp"

namespace ferry::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Pair;
using testing::UnorderedElementsAre;

class ConfigLoad : public testing::Test {
 protected:
  ConfigLoad() {
    std::string pattern = testing::TempDir() + "ferry-config-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigLoad() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  Loaded load() { return config::load(folder_ / "ferry.ini"); }
  Settings settings() {
    auto loaded = load();
    EXPECT_THAT(loaded.problems, testing::IsEmpty());
    return loaded.settings.value_or(Settings{});
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigLoad, AnEmptyFileGivesTheDefaults) {
  write("ferry.ini", "");
  const auto settings = this->settings();
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  EXPECT_EQ(settings.gateway.name, host);
  EXPECT_EQ(settings.gateway.log_level, log::Level::info);
  EXPECT_EQ(settings.gateway.control_socket, "/run/ferry/control");
  EXPECT_EQ(settings.storage.path, "/var/lib/ferry");
  EXPECT_EQ(settings.storage.quota, 4ULL << 30U);
  EXPECT_EQ(settings.storage.scrub_interval, std::chrono::hours(24));
  EXPECT_FALSE(settings.monitor.enabled);
  EXPECT_TRUE(settings.monitor.tls);
  EXPECT_EQ(settings.monitor.prefix, "ferry");
  EXPECT_EQ(settings.monitor.outbox_limit, 100000U);
  EXPECT_TRUE(settings.sources.empty());
}

TEST_F(ConfigLoad, GatewayAndStorage) {
  write("ferry.ini",
        "[gateway]\nname = bus-7\nlog_level = debug\ncontrol_socket = /tmp/c\n"
        "[storage]\npath = /data\nquota = 512M\nscrub_interval = 7d\n");
  const auto settings = this->settings();
  EXPECT_EQ(settings.gateway.name, "bus-7");
  EXPECT_EQ(settings.gateway.log_level, log::Level::debug);
  EXPECT_EQ(settings.gateway.control_socket, "/tmp/c");
  EXPECT_EQ(settings.storage.path, "/data");
  EXPECT_EQ(settings.storage.quota, 512ULL << 20U);
  EXPECT_EQ(settings.storage.scrub_interval, std::chrono::hours(168));
}

TEST_F(ConfigLoad, SourcesOfBothTypes) {
  write("ferry.ini",
        "[source.usb]\ntype = directory\npath = /media/usb\nproduct = sensor\nchannel = beta\n"
        "interval = 30s\n[product.sensor]\n"
        "[source.cloud]\ntype = https\nurl = https://h/site\n"
        "public_key = 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\nca_file = /ca\n"
        "client_certificate = /c\nclient_key = /k\nproxy = http://p:1\nstall_timeout = 5s\n"
        "products = sensor , meter-2\nwindow = 22:00-05:00\nrate = 200K\nbudget = 500M/month\n"
        "metered = wwan0, ppp0\npriority = 7\nurgent = no\n[product.meter-2]\n"
        "[source.open]\ntype = https\nurl = https://o/\ntrust = tls\n");
  const auto sources = settings().sources;
  ASSERT_EQ(sources.size(), 3U);
  EXPECT_EQ(sources[0].name, "usb");
  EXPECT_EQ(sources[0].type, SourceType::directory);
  EXPECT_EQ(sources[0].path, "/media/usb");
  EXPECT_EQ(sources[0].product, "sensor");
  EXPECT_EQ(sources[0].channel, "beta");
  EXPECT_EQ(sources[0].interval, std::chrono::seconds(30));
  EXPECT_EQ(sources[1].type, SourceType::https);
  EXPECT_EQ(sources[1].url, "https://h/site/");
  EXPECT_EQ(sources[1].public_key, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  EXPECT_EQ(sources[1].trust, Trust::signature);
  EXPECT_EQ(sources[1].interval, std::chrono::minutes(10));
  EXPECT_EQ(sources[1].ca_file, "/ca");
  EXPECT_EQ(sources[1].client_certificate, "/c");
  EXPECT_EQ(sources[1].client_key, "/k");
  EXPECT_EQ(sources[1].proxy, "http://p:1");
  EXPECT_EQ(sources[1].stall_timeout, std::chrono::seconds(5));
  EXPECT_THAT(sources[1].products, testing::ElementsAre("sensor", "meter-2"));
  EXPECT_THAT(sources[1].window, testing::ElementsAre(DayWindow{22 * 60, 5 * 60}));
  EXPECT_EQ(sources[1].rate, 200U << 10U);
  EXPECT_EQ(sources[1].budget, (Budget{500U << 20U, Period::month}));
  EXPECT_THAT(sources[1].metered, testing::ElementsAre("wwan0", "ppp0"));
  EXPECT_EQ(sources[1].priority, 7U);
  EXPECT_FALSE(sources[1].urgent);
  EXPECT_EQ(sources[2].budget, std::nullopt);
  EXPECT_EQ(sources[2].rate, 0U);
  EXPECT_EQ(sources[2].trust, Trust::tls);
  EXPECT_TRUE(sources[2].products.empty());
}

TEST_F(ConfigLoad, ArtifactsOfATufSourceLieBesideItsMetadata) {
  const auto targets_of = [&](const std::string& lines) {
    write("ferry.ini", "[source.t]\ntype = tuf\nroot = /etc/root.json\n" + lines);
    return settings().sources.at(0).targets_url;
  };
  EXPECT_EQ(targets_of("url = https://h/a/metadata\n"), "https://h/a/targets/");
  EXPECT_EQ(targets_of("url = https://h/metadata/\n"), "https://h/targets/");
  EXPECT_EQ(targets_of("url = https://h/\n"), "https://h/targets/");
  EXPECT_EQ(targets_of("url = https://h/\ntargets_url = http://cdn/b\n"), "http://cdn/b/");
  EXPECT_EQ(settings().sources.at(0).type, SourceType::tuf);
  EXPECT_EQ(settings().sources.at(0).root, "/etc/root.json");
}

TEST_F(ConfigLoad, ProductsInTheOrderOfTheFile) {
  write("ferry.ini",
        "[product.z]\n[product.a]\ndialect = chunked\nversions = semver\nchannel = beta\n"
        "allow_downgrade = yes\nreport_within = 1h\nmatch_path = /m\nmatch_query = kind=a\n"
        "match_header = X-Kind: a\nmatch_address = 10.1.0.0/16\ndevice_id = query:mac\n"
        "nothing_to_do = empty\nblock_check = whole-blocks\n"
        "[product.p]\ndevice_version = query:ver\n");
  const auto products = settings().products;
  ASSERT_EQ(products.size(), 3U);
  EXPECT_EQ(products[0].name, "z");
  EXPECT_EQ(products[0].match_path, "/z");
  EXPECT_EQ(products[0].dialect, "plain");
  EXPECT_EQ(products[1].versions, VersionOrder::semver);
  EXPECT_EQ(products[1].channel, "beta");
  EXPECT_TRUE(products[1].allow_downgrade);
  EXPECT_EQ(products[1].report_within, std::chrono::hours(1));
  EXPECT_THAT(
      product_values(products[1]),
      UnorderedElementsAre(Pair("name", "a"), Pair("dialect", "chunked"), Pair("match_path", "/m"),
                           Pair("match_query", "kind=a"), Pair("match_header", "X-Kind: a"),
                           Pair("match_address", "10.1.0.0/16"), Pair("device_id", "query:mac"),
                           Pair("device_version", ""), Pair("nothing_to_do", "empty"),
                           Pair("block_check", "whole-blocks"), Pair("pairing", "none"),
                           Pair("allow_downgrade", "yes")));
  EXPECT_EQ(products[2].device_version, "query:ver");
}

TEST_F(ConfigLoad, ProductsOfDialectsWithKeysOfTheirOwn) {
  write("ferry.ini",
        "[product.a]\ndialect = json\njson_version = ota.version\njson_size =\n"
        "json_hash_kind = md5\n[product.b]\ndialect = esphome\nchip_family = ESP32-S3\n");
  const auto products = settings().products;
  ASSERT_EQ(products.size(), 2U);
  EXPECT_THAT(product_values(products[0]),
              IsSupersetOf({Pair("json_version", "ota.version"), Pair("json_url", "url"),
                            Pair("json_hash", "hash"), Pair("json_hash_kind", "md5"),
                            Pair("json_size", "")}));
  EXPECT_THAT(product_values(products[1]), Contains(Pair("chip_family", "ESP32-S3")));
}

TEST_F(ConfigLoad, HttpTransportIsNormalizedAndComplete) {
  write("ferry.ini",
        "[transport.wifi]\nplugin = http\nlisten = [::]:0\nproduct = p\nidle_timeout = 2min\n"
        "[product.p]\n");
  const auto transports = settings().transports;
  ASSERT_EQ(transports.size(), 1U);
  EXPECT_EQ(transports[0].name, "wifi");
  EXPECT_EQ(transports[0].plugin, "http");
  EXPECT_THAT(transports[0].values,
              UnorderedElementsAre(Pair("listen", "[::]:0"), Pair("product", "p"),
                                   Pair("max_connections", "256"), Pair("idle_timeout", "120000"),
                                   Pair("header_timeout", "10000")));
}

TEST_F(ConfigLoad, SerialTransportIsNormalizedAndComplete) {
  write("ferry.ini",
        "[transport.lines]\nplugin = serial\nport = /dev/ttyUSB*, /dev/ttyS1\nbaud = 921600\n"
        "rs485 = on\nproduct = p\npoll_interval = 2min\n[product.p]\n");
  const auto transports = settings().transports;
  ASSERT_EQ(transports.size(), 1U);
  EXPECT_THAT(
      transports[0].values,
      UnorderedElementsAre(Pair("port", "/dev/ttyUSB*, /dev/ttyS1"), Pair("dialect", "smp"),
                           Pair("product", "p"), Pair("device_id", "port"), Pair("baud", "921600"),
                           Pair("parity", "none"), Pair("stop_bits", "1"),
                           Pair("flow_control", "none"), Pair("rs485", "yes"),
                           Pair("poll_interval", "120000"), Pair("probe_timeout", "1000")));
}

TEST_F(ConfigLoad, LoopbackTransportPlaysADeviceOfItsOwnUnlessSet) {
  write("ferry.ini",
        "[transport.a]\nplugin = loopback\n[transport.b]\nplugin = loopback\ndevice = d1\n");
  const auto transports = settings().transports;
  ASSERT_EQ(transports.size(), 2U);
  EXPECT_THAT(transports[0].values, UnorderedElementsAre(Pair("device", "loopback-1")));
  EXPECT_THAT(transports[1].values, UnorderedElementsAre(Pair("device", "d1")));
}

TEST_F(ConfigLoad, KeysOfAnUnknownPluginAreHandedOnAsWritten) {
  write("ferry.ini",
        "[transport.can]\nplugin = can-bus\nbitrate = 500k\nproduct = anything at all\n");
  const auto transports = settings().transports;
  ASSERT_EQ(transports.size(), 1U);
  EXPECT_THAT(transports[0].values,
              UnorderedElementsAre(Pair("bitrate", "500k"), Pair("product", "anything at all")));
}

TEST_F(ConfigLoad, Monitor) {
  write("ferry.ini",
        "[monitor]\nbroker = mqtt.example.com:1883\ntls = no\nuser = u\npassword_file = /p\n"
        "prefix = fleet/north\nstate_interval = 5s\noutbox_limit = 7\n");
  const auto monitor = settings().monitor;
  EXPECT_TRUE(monitor.enabled);
  EXPECT_EQ(monitor.host, "mqtt.example.com");
  EXPECT_EQ(monitor.port, 1883);
  EXPECT_FALSE(monitor.tls);
  EXPECT_EQ(monitor.user, "u");
  EXPECT_EQ(monitor.password_file, "/p");
  EXPECT_EQ(monitor.prefix, "fleet/north");
  EXPECT_EQ(monitor.state_interval, std::chrono::seconds(5));
  EXPECT_EQ(monitor.outbox_limit, 7U);
}

TEST_F(ConfigLoad, DropInsOverrideInTheOrderOfTheirNames) {
  write("ferry.ini", "[storage]\nquota = 1G\npath = /base\n");
  write("conf.d/20-late.ini", "[storage]\nquota = 3G\n");
  write("conf.d/10-early.ini", "[storage]\nquota = 2G\nscrub_interval = 1h\n[gateway]\nname = g\n");
  write("conf.d/30-not.ini.bak", "junk\n");
  write("conf.d/.hidden.ini", "junk\n");
  const auto settings = this->settings();
  EXPECT_EQ(settings.storage.quota, 3ULL << 30U);
  EXPECT_EQ(settings.storage.path, "/base");
  EXPECT_EQ(settings.storage.scrub_interval, std::chrono::hours(1));
  EXPECT_EQ(settings.gateway.name, "g");
}

TEST_F(ConfigLoad, EachDropInComesAfterThoseWithSmallerNames) {
  write("ferry.ini", "");
  for (const char number : {'4', '1', '7', '3', '6', '2', '5'}) {
    const char before = static_cast<char>(number - 1);
    write(std::string("conf.d/") + number + ".ini",
          fmt::format("[product.p{0}]\nchannel = by{0}\n[product.p{1}]\nchannel = by{0}\n", number,
                      before));
  }
  for (const auto& product : settings().products) {
    const char number = product.name[1];
    EXPECT_EQ(product.channel,
              fmt::format("by{}", number == '7' ? '7' : static_cast<char>(number + 1)));
  }
}

TEST_F(ConfigLoad, AnEmptyValueInADropInClearsTheKey) {
  write("ferry.ini", "[monitor]\nbroker = h:1\n");
  write("conf.d/off.ini", "[monitor]\nbroker =\n");
  EXPECT_FALSE(settings().monitor.enabled);
}

TEST_F(ConfigLoad, NamesTheDropInThatIsWrong) {
  write("ferry.ini", "[storage]\nquota = many\n");
  write("conf.d/50-site.ini", "\n[transport.wifi]\nplugin = http\nlisten = 80a\n");
  EXPECT_THAT(
      load().problems,
      ElementsAre("ferry.ini:2: [storage] quota: 'many' is not a size like 4G, 512M, 64K or a "
                  "number of bytes",
                  "conf.d/50-site.ini:4: [transport.wifi] listen: '80a' is not an address:port"));
}

TEST_F(ConfigLoad, ADropInMayMendAWrongValue) {
  write("ferry.ini", "[storage]\nquota = many\n");
  write("conf.d/mend.ini", "[storage]\nquota = 1G\n");
  EXPECT_EQ(settings().storage.quota, 1ULL << 30U);
}

TEST_F(ConfigLoad, AMissingFileIsNamed) {
  const auto loaded = load();
  EXPECT_FALSE(loaded.settings);
  EXPECT_THAT(loaded.problems, ElementsAre(testing::AllOf(HasSubstr("ferry.ini: cannot be read"),
                                                          HasSubstr("No such file"))));
}

TEST_F(ConfigLoad, AFileThatIsTooLargeIsRefused) {
  write("ferry.ini", std::string((1U << 20U) + 1, '\n'));
  EXPECT_THAT(load().problems, ElementsAre(HasSubstr("larger than")));
}

TEST_F(ConfigLoad, AnUnreadableDropInIsAProblemBesideTheOthers) {
  write("ferry.ini", "[storage]\nquota = many\n");
  std::filesystem::create_directories(folder_ / "conf.d/a-folder.ini");
  const auto loaded = load();
  EXPECT_FALSE(loaded.settings);
  EXPECT_THAT(loaded.problems, ElementsAre(HasSubstr("conf.d/a-folder.ini: cannot be read"),
                                           HasSubstr("ferry.ini:2")));
}

}  // namespace
}  // namespace ferry::config
