# Seconds for a small message to another process and its answer.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Child; use MCE::Channel;
my $channel = MCE::Channel->new(impl => 'SimpleFast');
my $child = MCE::Child->create(sub { while (length(my $x = $channel->recv)) { $channel->send2($x) } });
sub ask { for my $i (1 .. $_[0]) { $channel->send($i); $channel->recv2 } }
ask(500);
my $start = time;
ask(20_000);
print +(time - $start) / 20_000, "\n";
$channel->send('');
$child->join;
