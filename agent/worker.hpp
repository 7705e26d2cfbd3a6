// The one thread that touches the store on the loop's behalf.
#pragma once

#include <functional>

namespace ferry::agent {

// Runs `work` on the worker's thread, then `then` on the loop.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual void run(std::function<void()> work, std::function<void()> then) = 0;
};

}  // namespace ferry::agent
