"""What the matrix `tokenizers` runs in each cell: a tokenizer is trained, saved, loaded, used."""

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

TEXT = ["the quick brown fox jumps over the lazy dog", "pack my box with five dozen jugs"] * 50

tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=["[UNK]"], show_progress=False)
tokenizer.train_from_iterator(TEXT, trainer)
tokenizer.save("tokenizer.json")

again = Tokenizer.from_file("tokenizer.json")
encoded = again.encode("the lazy fox")
assert encoded.ids == tokenizer.encode("the lazy fox").ids
assert "".join(encoded.tokens) == "thelazyfox", encoded.tokens
assert again.get_vocab_size() <= 120
print("tokens:", encoded.tokens)
