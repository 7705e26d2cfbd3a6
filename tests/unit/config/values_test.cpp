// The types of values: what each accepts and refuses.
#include "config/values.hpp"

#include <gmock/gmock.h>

#include "config/radio_values.hpp"

namespace ferry::config::values {
namespace {

using std::chrono::milliseconds;

template <typename Type>
void refuses(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) EXPECT_FALSE(Type::parse(text).has_value()) << "'" << text << "'";
}

template <typename Type>
void accepts(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) EXPECT_TRUE(Type::parse(text).has_value()) << "'" << text << "'";
}

TEST(Values, SizeCountsInPowersOf1024) {
  EXPECT_EQ(Size::parse("0"), 0U);
  EXPECT_EQ(Size::parse("1234"), 1234U);
  EXPECT_EQ(Size::parse("64K"), 65536U);
  EXPECT_EQ(Size::parse("512M"), 536870912U);
  EXPECT_EQ(Size::parse("4G"), 4294967296U);
  EXPECT_EQ(Size::parse("2T"), 2199023255552U);
  EXPECT_EQ(Size::parse("9223372036854775807"), 9223372036854775807U);
}

TEST(Values, SizeRefusesOtherTexts) {
  refuses<Size>({"", "G", "4g", "4GB", "4 G", "-1", "+1", "1.5G", "0x10", "9223372036854775808",
                 "8388608T", "99999999999999999999"});
}

TEST(Values, TimeHasAUnit) {
  EXPECT_EQ(Time::parse("100ms"), milliseconds(100));
  EXPECT_EQ(Time::parse("30s"), milliseconds(30'000));
  EXPECT_EQ(Time::parse("10min"), milliseconds(600'000));
  EXPECT_EQ(Time::parse("24h"), milliseconds(86'400'000));
  EXPECT_EQ(Time::parse("7d"), milliseconds(604'800'000));
  EXPECT_EQ(Time::parse("3650d"), milliseconds(3650LL * 86'400'000));
}

TEST(Values, TimeRefusesOtherTexts) {
  refuses<Time>({"", "10", "0s", "min", "10m", "10 min", "1.5h", "-1s", "3651d",
                 "18446744073709551615d", "99999999999999999999s"});
}

TEST(Values, TimeoutIsATimeUpToADay) {
  EXPECT_EQ(Timeout::parse("100ms"), milliseconds(100));
  EXPECT_EQ(Timeout::parse("1d"), milliseconds(86'400'000));
  refuses<Timeout>({"", "0s", "2d", "25h", "10"});
}

TEST(Values, PortsArePathsWithPatterns) {
  accepts<PortPatterns>({"/dev/ttyS0", "/dev/ttyUSB*,/dev/ttyACM?", " /a ,\t/b"});
  refuses<PortPatterns>({"", " , ", "ttyS0", "/dev/ttyS0 ttyS1"});
}

TEST(Values, BaudIsAnyRateThatAUartMayHave) {
  EXPECT_EQ(Baud::parse("115200"), 115200U);
  EXPECT_EQ(Baud::parse("250000"), 250000U);
  refuses<Baud>({"", "0", "49", "100000001", "9600 8N1", "-1"});
}

TEST(Values, RadiosHaveAdaptersServicesAndAddresses) {
  accepts<Adapters>({"", "hci0", "hci0, hci12"});
  refuses<Adapters>({"hci", "hci-1", "hci256", "wlan0", "0"});
  accepts<ServiceUuids>({"any", "180f", "8D53dc1d-1db7-4cd3-868b-8a527460aa84 180F"});
  refuses<ServiceUuids>({"18", "any 180f", "8d53dc1d1db74cd3868b8a527460aa84", "180g"});
  accepts<BluetoothAddresses>({"", "C0:11:22:33:44:55", "c0:11:22:33:44:55,00:00:00:00:00:01"});
  refuses<BluetoothAddresses>({"C0:11:22:33:44", "C0-11-22-33-44-55", "C0:11:22:33:44:5g"});
}

TEST(Values, AdvertisementsAreKnownByCompanyDataAndSignal) {
  accepts<CompanyNumber>({"0059", "FFFF"});
  refuses<CompanyNumber>({"", "59", "0x59", "00590", "005g"});
  accepts<HexBytes>({"", "00", "c0Ffee01", std::string(64, 'a')});
  refuses<HexBytes>({"0", "0g", "00 11", std::string(66, 'a')});
  accepts<RadioSignal>({"-1", "-80", "-127"});
  refuses<RadioSignal>({"", "0", "5", "-128", "-80dBm"});
  accepts<BluetoothDeviceId>({"address", "info"});
  refuses<BluetoothDeviceId>({"", "name"});
}

TEST(Values, EndpointIsAnAddressAndAPort) {
  accepts<Endpoint>({"0.0.0.0:8000", "127.0.0.1:0", "[::]:80", "[fe80::1]:65535"});
  refuses<Endpoint>({"", "80a", "8000", ":8000", "localhost:80", "::1:80", "[127.0.0.1]:80",
                     "1.2.3:80", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:", "1.2.3.4", "[::]",
                     "[::1:80", "1.2.3.4: 80"});
}

TEST(Values, BrokerIsAHostAndAPort) {
  const auto broker = Broker::parse("mqtt.example.com:8883");
  ASSERT_TRUE(broker.has_value());
  EXPECT_EQ(broker->host, "mqtt.example.com");
  EXPECT_EQ(broker->port, 8883);
  EXPECT_EQ(Broker::parse("[::1]:1883")->host, "::1");
  refuses<Broker>({"", "host", "host:0", "host:99999", ":1883", "ho st:1", "mqtt://host:1",
                   "user@host:1", "[host]:1", "-host:1"});
}

TEST(Values, SiteUrlEndsInASlash) {
  EXPECT_EQ(SiteUrl::parse("https://host/site"), "https://host/site/");
  EXPECT_EQ(SiteUrl::parse("http://host:81/"), "http://host:81/");
  EXPECT_EQ(SiteUrl::parse("https://[::1]:443"), "https://[::1]:443/");
  refuses<SiteUrl>({"", "host/site", "ftp://host/", "https://", "https:///x", "https://h/?a=1",
                    "https://h/#x", "https://user:secret@h/", "https://h /", "HTTPS://h/"});
}

TEST(Values, PublicKeyIsBase64Of32BytesOrAPath) {
  accepts<PublicKey>({"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "/etc/ferry/site.pem"});
  refuses<PublicKey>({"", "site.pem", "11qYAYKxCrfVS",
                      "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                      "1!qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="});
}

TEST(Values, NetworkIsAnAddressAndABitCount) {
  accepts<Network>({"10.1.0.0/16", "0.0.0.0/0", "1.2.3.4/32", "fd00::/8", "::1/128"});
  refuses<Network>(
      {"", "10.1.0.0", "10.1/16", "10.1.0.0/33", "10.1.0.0/", "10.1.0.0/a", "::/129", "wifi/8"});
}

TEST(Values, NamesAreSafeInUrlsTopicsAndFiles) {
  accepts<Name>({"a", "Meter-2.0_x~y", "a+b"});
  refuses<Name>({"", ".a", "a/b", "a b", "ä", std::string(121, 'a')});
  accepts<TopicPart>({"gateway-1"});
  refuses<TopicPart>({"", "a+b", "a/b", "#"});
  accepts<Topic>({"ferry", "fleet/north"});
  refuses<Topic>({"", "/a", "a/", "a//b", "a/+/b", "a/#"});
}

TEST(Values, MatchesAndPlacesOfDeviceDataAreChecked) {
  accepts<PathPrefix>({"/", "/meter", "/a/b/"});
  refuses<PathPrefix>({"", "meter", "/a?b", "/a b"});
  accepts<QueryMatch>({"kind=meter", "kind="});
  refuses<QueryMatch>({"", "kind", "=x", "a b=c"});
  accepts<HeaderMatch>({"User-Agent: meter/1", "X-Kind: "});
  refuses<HeaderMatch>({"", "X-Kind", ": x", "X Kind: y", "X-Kind:y"});
  accepts<DeviceId>({"address", "path", "query:mac", "header:X-Device-Id"});
  refuses<DeviceId>({"", "serial", "query:", "header:a b", "query"});
  accepts<DeviceVersion>({"query:ver", "header:X-Version"});
  refuses<DeviceVersion>({"address", "path", "query:"});
}

TEST(Values, BooleansAndNumbersAreStrict) {
  EXPECT_EQ(Boolean::parse("yes"), true);
  EXPECT_EQ(Boolean::parse("off"), false);
  refuses<Boolean>({"", "1", "Yes", "y"});
  accepts<Count>({"1", "10000000"});
  refuses<Count>({"", "0", "10000001", "1k"});
  accepts<Connections>({"1", "65535"});
  refuses<Connections>({"0", "65536"});
  accepts<AbsolutePath>({"/srv/ferry"});
  refuses<AbsolutePath>({"", "srv/ferry", "~/ferry"});
}

}  // namespace
}  // namespace ferry::config::values
