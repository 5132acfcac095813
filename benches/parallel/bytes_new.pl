# Seconds per MiB of bytes that is made and handed to another process.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Child; use MCE::Channel;
my $channel = MCE::Channel->new(impl => 'SimpleFast');
my $child = MCE::Child->create(sub { while (length(my $x = $channel->recv)) { $channel->send2(length $x) } });
sub give { for (1 .. $_[0]) { $channel->send('x' x (1 << 20)); $channel->recv2 } }
give(20);
my $start = time;
give(300);
print +(time - $start) / 300, "\n";
$channel->send('');
$child->join;
