/// The worker is asked whether what it offers is still true.
#include "tests/unit/worker/core/agent_fixture.h"

namespace landseer::worker {
namespace {

TEST_F(AgentTest, LooksAtItsContentsWhenAskedAndOffersWhatChangedFirst) {
  advance(0s);
  welcome();
  hear(protocol::CheckContents{11, 4, "digits", "clean"});
  const auto looks = take<LookAtContents>();
  ASSERT_EQ(looks.size(), 1u);
  EXPECT_EQ(looks[0].dataset, "digits");
  EXPECT_EQ(looks[0].variant, "clean");
  EXPECT_TRUE(sent<protocol::ContentsChecked>().empty()) << "not before it has looked";
  effects.clear();
  agent.handle(DatasetsChanged{{{"digits", "clean", {}}}}, now, effects);
  handle(ContentsLooked{4});
  std::vector<std::size_t> order;
  for (const Effect& effect : effects) {
    if (const Send* send = std::get_if<Send>(&effect)) order.push_back(send->message.index());
  }
  EXPECT_EQ(order, (std::vector<std::size_t>{8, 10})) << "Offer, then ContentsChecked";
  EXPECT_EQ(sent<protocol::ContentsChecked>().at(0).number, 4u);
}

TEST_F(AgentTest, AQuestionOfAnotherConversationIsNotAnswered) {
  advance(0s);
  welcome();
  hear(protocol::CheckContents{10, 4, "digits", "clean"});
  EXPECT_TRUE(take<LookAtContents>().empty());
}

TEST_F(AgentTest, AnAnswerThatComesInTheNextConversationIsSaidThere) {
  advance(0s);
  welcome();
  hear(protocol::CheckContents{11, 4, "digits", "clean"});
  agent.connection_lost(now);
  handle(ContentsLooked{4});
  EXPECT_TRUE(sent<protocol::ContentsChecked>().empty());
  advance(1s);
  welcome(12);
  const auto said = sent<protocol::ContentsChecked>();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].session, 12u);
}

}  // namespace
}  // namespace landseer::worker
