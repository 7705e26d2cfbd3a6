// An upload to a device in memory, from beginning to end.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/smp/drive.hpp"

namespace ferry::smp::test {

class UploadTest : public testing::Test {
 protected:
  // The whole exchange; what it brought.
  Reply<UploadResult> upload(UploadRequest request, bool ends = true) {
    Reply<UploadResult> result = tl::unexpected<Fault>(Fault{Outcome::other, "not called", {}});
    client.upload(std::move(request), [&](Reply<UploadResult> got) { result = std::move(got); });
    EXPECT_EQ(drive.run(), ends);
    return result;
  }
  Reply<UploadResult> upload() { return upload(request_for(content)); }

  // The upload packets that the device got.
  std::vector<Json> packets() const {
    std::vector<Json> found;
    for (const Packet& request : device.requests) {
      if (request.header.group == 1 && request.header.command == 1) found.push_back(request.body);
    }
    return found;
  }

  int once = 0;
  std::string content = noise(20000);
  DeviceModel device;
  Client client{ClientOptions{}};
  Drive drive{client, device};
};

}  // namespace ferry::smp::test
