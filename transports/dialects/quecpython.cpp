// QuecPython's app_fota always asks "Range: bytes=N-" and appends whatever comes; 416 at the file's
// end is a lasting failure to it. It validates nothing, so it only gets names that never change.
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

Ask recognize_quecpython(const Match& match, const Request& request, const Device& device) {
  if (request.path == "/firmware") return unknown_path(match, request);
  return plain_dialect.recognize(match, request, device);
}

Answer answer_quecpython_offer(const Match& match, const Request& request, const Offer* offer,
                               const Site& site) {
  return plain_dialect.answer_offer(match, request, offer, site);
}

Answer answer_quecpython_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                                  const Artifact& artifact) {
  Answer answer = whole_artifact(artifact);
  answer.end_is_empty = true;
  return answer;
}

}  // namespace

const Dialect quecpython_dialect{"quecpython", recognize_quecpython, answer_quecpython_offer,
                                 answer_quecpython_artifact, plain_failure};

}  // namespace ferry::dialects
